package main

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
)

// newest is the minor version that has every field of unreachable.txt.
const newest = 37

//go:embed unreachable.txt
var unreachableText string

// exception is a place that no accepted manifest can have a value at.
type exception struct {
	// path is a place with the kind in front, or a field of a Go type wherever it
	// occurs. It includes all below it.
	path string
	// why is "refused" or "dropped": what the server does with it.
	why string
	// sample is what a manifest of the kind must have merged in to show it.
	sample map[string]any
	paths  map[string]bool
}

// loadExceptions gives those of the server's minor version.
func loadExceptions(schemas []*kindSchema, minor int) ([]exception, error) {
	var list []exception
	for i, line := range strings.Split(unreachableText, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		words := strings.SplitN(line, " ", 3)
		if len(words) < 3 {
			return nil, fmt.Errorf("unreachable.txt:%d: three parts are expected: path, refused or dropped, sample", i+1)
		}
		sample, err := parseJSON([]byte(words[2]))
		if err != nil {
			return nil, fmt.Errorf("unreachable.txt:%d: %w", i+1, err)
		}
		why, before, _ := strings.Cut(words[1], "<1.")
		why, after, _ := strings.Cut(why, ">1.")
		if limit, err := strconv.Atoi(before); err == nil && minor >= limit {
			continue
		}
		if limit, err := strconv.Atoi(after); err == nil && minor <= limit {
			continue
		}
		e := exception{words[0], why, asMap(sample), map[string]bool{}}
		for _, k := range schemas {
			k.root.walk(func(n *node) {
				if n.path == e.path || n.hint == e.path {
					n.walk(func(below *node) { e.paths[below.path] = true })
				}
			})
		}
		if len(e.paths) == 0 && minor < newest {
			continue
		}
		if len(e.paths) == 0 {
			return nil, fmt.Errorf("unreachable.txt:%d: there is no %s", i+1, e.path)
		}
		list = append(list, e)
	}
	return list, nil
}
