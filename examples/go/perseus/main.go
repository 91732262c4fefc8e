// perseus: the demonstration of the pipeline pattern that sluice began with. ../../perseus_in_c.c is the same program,
// line by line, without the two bugs that are marked here.
//
//	perseus [EVENTS [EVERY_MS [WORK_MS [RUN_MS [GIVE_UP_MS]]]]]      0 events: without end
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	mathrand "math/rand"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"
)

const (
	batchMax = 100
	batchAge = 5 * time.Second
	workers  = 10
)

type event struct{ number int }

var set = struct{ events, everyMs, workMs, runMs, giveUpMs int }{0, 20, 50, 20000, 5000}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

func uuid4() string {
	var b [16]byte
	rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Stage 1: stands in for SQS. One event every 1 to 20 ms, until the context ends.
func source(ctx context.Context) <-chan event {
	out := make(chan event)
	go func() {
		defer close(out)
		defer fmt.Println("source: closed")
		for n := 1; set.events == 0 || n <= set.events; n++ {
			pause := 0
			if set.everyMs > 0 {
				pause = 1 + mathrand.Intn(set.everyMs)
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(ms(pause)):
			}
			select {
			case <-ctx.Done():
				return
			case out <- event{n}:
			}
		}
	}()
	return out
}

// Stage 2: 100 events, or 5 s. The batch is this goroutine's alone: no lock.
func batcher(in <-chan event) <-chan []event {
	out := make(chan []event)
	go func() {
		defer close(out)
		defer fmt.Println("batcher: closed")
		var batch []event
		timer := time.NewTimer(batchAge)
		for {
			select {
			case e, ok := <-in:
				if !ok {
					if len(batch) > 0 {
						out <- batch
					}
					return
				}
				batch = append(batch, e)
				if len(batch) == batchMax {
					out <- batch
					batch = nil
				}
				timer.Reset(batchAge) // bug: with an event each 4 s the batch waits for the hundredth
			case <-timer.C:
				out <- batch // bug: in a quiet time an empty batch each 5 s
				batch = nil
				timer.Reset(batchAge)
			}
		}
	}()
	return out
}

// Stage 3: ten of these range over the batches.
func worker(number int, in <-chan []event) {
	for batch := range in {
		time.Sleep(ms(set.workMs))
		fmt.Printf("worker %d: batch %s, %d events\n", number, uuid4(), len(batch))
	}
}

func main() {
	for i, value := range []*int{&set.events, &set.everyMs, &set.workMs, &set.runMs, &set.giveUpMs} {
		if len(os.Args) > i+1 {
			*value, _ = strconv.Atoi(os.Args[i+1])
		}
	}

	ctx, cancel := context.WithTimeout(context.Background(), ms(set.runMs))
	defer cancel()
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()

	batches := batcher(source(ctx))
	var running sync.WaitGroup
	running.Add(workers)
	for i := 1; i <= workers; i++ {
		go func(number int) {
			defer running.Done()
			worker(number, batches)
		}(i)
	}
	done := make(chan struct{})
	go func() {
		running.Wait()
		close(done)
	}()

	select {
	case <-done:
	case <-ctx.Done():
		select {
		case <-done:
		case <-time.After(ms(set.giveUpMs)):
			fmt.Println("gave up")
			os.Exit(1)
		}
	}
	fmt.Println("shut down gracefully")
}
