// stop_short: a receiver that wants only the first value. ../../stop_short.c is the same program.
//
// The stages behind it can end only if the channels have room for everything that nobody will take, so the numbers
// must be few and counted beforehand.
package main

import "fmt"

const left = 3

func count(from int) <-chan int {
	out := make(chan int, left)
	for n := from; n < from+left; n++ {
		out <- n
	}
	close(out)
	return out
}

func square(in <-chan int) <-chan int {
	out := make(chan int, left)
	go func() {
		defer close(out)
		for n := range in {
			out <- n * n
		}
	}()
	return out
}

func main() {
	for from := 2; from <= 4; from++ {
		fmt.Println(<-square(count(from)))
	}
}
