// cancel: explicit cancellation through a channel that every send looks at. ../../cancel.c is the same program.
package main

import (
	"fmt"
	"sync"
	"sync/atomic"
)

var ended atomic.Int32
var stages sync.WaitGroup

func end() {
	ended.Add(1)
	stages.Done()
}

func numbers(done <-chan struct{}, values ...int) <-chan int {
	out := make(chan int)
	stages.Add(1)
	go func() {
		defer end()
		defer close(out)
		for _, n := range values {
			select {
			case out <- n:
			case <-done:
				return
			}
		}
	}()
	return out
}

func square(done <-chan struct{}, in <-chan int) <-chan int {
	out := make(chan int)
	stages.Add(1)
	go func() {
		defer end()
		defer close(out)
		for n := range in {
			select {
			case out <- n * n:
			case <-done:
				return
			}
		}
	}()
	return out
}

func merge(done <-chan struct{}, channels ...<-chan int) <-chan int {
	var open sync.WaitGroup
	out := make(chan int)
	open.Add(len(channels))
	for _, in := range channels {
		go func(in <-chan int) {
			defer open.Done()
			for n := range in {
				select {
				case out <- n:
				case <-done:
					return
				}
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
	done := make(chan struct{})
	in := numbers(done, 2, 3, 4, 5)
	squares := merge(done, square(done, in), square(done, in))

	n := <-squares
	answer := "no"
	if n == 4 || n == 9 || n == 16 || n == 25 {
		answer = "yes"
	}
	fmt.Printf("the first is a square of 2 to 5: %s\n", answer)
	close(done)
	select {
	case <-done:
		fmt.Println("after the cancellation a receive is refused")
	default:
		fmt.Println("after the cancellation a receive brings a value")
	}
	stages.Wait()
	fmt.Printf("%d stages have ended\n", ended.Load())
}
