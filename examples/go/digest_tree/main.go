// digest_tree: the MD5 of every file in a tree, by at most 20 goroutines, sorted by path. ../../digest_tree.c is the
// same program.
package main

import (
	"context"
	"crypto/md5"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"sync"
)

const digesters = 20

type result struct {
	path string
	md5  [md5.Size]byte
	err  error
}

func walk(ctx context.Context, root string) (<-chan string, <-chan error) {
	out := make(chan string)
	failed := make(chan error, 1)
	go func() {
		defer close(out)
		failed <- filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			select {
			case out <- path:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	return out, failed
}

func digest(ctx context.Context, in <-chan string, out chan<- result) {
	for path := range in {
		data, err := os.ReadFile(path)
		select {
		case out <- result{path, md5.Sum(data), err}:
		case <-ctx.Done():
			return
		}
	}
}

func digestAll(ctx context.Context, in <-chan string) <-chan result {
	out := make(chan result)
	var workers sync.WaitGroup
	workers.Add(digesters)
	for i := 0; i < digesters; i++ {
		go func() {
			defer workers.Done()
			digest(ctx, in, out)
		}()
	}
	go func() {
		workers.Wait()
		close(out)
	}()
	return out
}

func run(root string) ([]result, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()

	paths, failed := walk(ctx, root)
	var all []result
	for r := range digestAll(ctx, paths) {
		if r.err != nil {
			return nil, r.err
		}
		all = append(all, r)
	}
	return all, <-failed
}

func main() {
	root := "."
	if len(os.Args) > 1 {
		root = os.Args[1]
	}
	all, err := run(root)
	if err != nil {
		fmt.Fprintln(os.Stderr, "digest_tree:", err)
		os.Exit(1)
	}
	sort.Slice(all, func(i, k int) bool { return all[i].path < all[k].path })
	for _, r := range all {
		fmt.Printf("%x  %s\n", r.md5, r.path)
	}
}
