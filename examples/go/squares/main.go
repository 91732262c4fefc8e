// squares: stages are functions from a channel to a channel, so they compose. ../../squares.c is the same program.
package main

import "fmt"

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

func main() {
	for n := range square(square(numbers(2, 3))) {
		fmt.Println(n)
	}
}
