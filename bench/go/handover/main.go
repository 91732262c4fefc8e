// handover: what bench/handover.c measures, in Go.
package main

import (
	"fmt"
	"sync"
	"time"
)

const (
	rounds = 300
	values = 30000
	sinks  = 10
)

type value [32]byte

func give(out chan<- value, n int) {
	var v value
	copy(v[:], "thirty-two bytes, as in measured")
	for i := 0; i < n; i++ {
		out <- v
	}
	close(out)
}

func handOver(n, capacity int) {
	ch := make(chan value, capacity)
	go give(ch, n)
	for range ch {
	}
}

func selectOf(n, capacity int) {
	var ch [3]chan value
	for i := range ch {
		ch[i] = make(chan value, capacity)
		go give(ch[i], n/3)
	}
	for open := 3; open > 0; {
		var ok bool
		var i int
		select {
		case _, ok = <-ch[0]:
			i = 0
		case _, ok = <-ch[1]:
			i = 1
		case _, ok = <-ch[2]:
			i = 2
		}
		if !ok {
			ch[i] = nil
			open--
		}
	}
}

func startEnd(n int) {
	var wg sync.WaitGroup
	for i := 0; i < n; i += 64 {
		for j := 0; j < 64; j++ {
			wg.Add(1)
			go func() { wg.Done() }()
		}
		wg.Wait()
	}
}

func pipeline(n int) {
	events := make(chan int64)
	go func() {
		defer close(events)
		for i := int64(0); i < int64(n); i++ {
			events <- i
		}
	}()
	batches := make(chan []int64)
	go func() {
		defer close(batches)
		var batch []int64
		timer := time.NewTimer(5 * time.Second)
		defer timer.Stop()
		flush := func() {
			if len(batch) > 0 {
				batches <- batch
				batch = nil
			}
		}
		for {
			select {
			case e, ok := <-events:
				if !ok {
					flush()
					return
				}
				if len(batch) == 0 {
					timer.Reset(5 * time.Second)
				}
				batch = append(batch, e)
				if len(batch) == 100 {
					flush()
				}
			case <-timer.C:
				flush()
			}
		}
	}()
	var wg sync.WaitGroup
	var mu sync.Mutex
	var sum int64
	for i := 0; i < sinks; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for batch := range batches {
				var part int64
				for _, e := range batch {
					part += e
				}
				mu.Lock()
				sum += part
				mu.Unlock()
			}
		}()
	}
	wg.Wait()
	if sum != int64(n)*int64(n-1)/2 {
		panic("wrong sum")
	}
}

func main() {
	benches := []struct {
		name string
		run  func(n int)
	}{
		{"unbuffered", func(n int) { handOver(n, 0) }},
		{"buffered-128", func(n int) { handOver(n, 128) }},
		{"select-of-3-unbuffered", func(n int) { selectOf(n, 0) }},
		{"select-of-3-buffered-128", func(n int) { selectOf(n, 128) }},
		{"start-end", startEnd},
		{"pipeline-100-10", pipeline},
	}
	for _, b := range benches {
		best := 1e9
		for i := 0; i < rounds; i++ {
			start := time.Now()
			b.run(values)
			if ns := float64(time.Since(start).Nanoseconds()) / values; ns < best {
				best = ns
			}
		}
		fmt.Printf("%s %.1f\n", b.name, best)
	}
}
