// merge: fan-out and fan-in. ../../merge.c is the same program.
package main

import (
	"fmt"
	"sync"
)

func numbers(values ...int) <-chan int {
	out := make(chan int)
	go func() {
		defer close(out)
		for _, n := range values {
			out <- n
		}
	}()
	return out
}

func square(in <-chan int) <-chan int {
	out := make(chan int)
	go func() {
		defer close(out)
		for n := range in {
			out <- n * n
		}
	}()
	return out
}

func merge(channels ...<-chan int) <-chan int {
	var open sync.WaitGroup
	out := make(chan int)
	open.Add(len(channels))
	for _, in := range channels {
		go func(in <-chan int) {
			defer open.Done()
			for n := range in {
				out <- n
			}
		}(in)
	}
	go func() {
		open.Wait()
		close(out)
	}()
	return out
}

func main() {
	in := numbers(2, 3, 4, 5)
	for n := range merge(square(in), square(in)) {
		fmt.Println(n)
	}
}
