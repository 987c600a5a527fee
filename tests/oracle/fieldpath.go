package main

import (
	"fmt"
	"strconv"
	"strings"
)

// segment is one step of a field path as reports print it.
type segment struct {
	key    string
	index  int               // of [3]
	fields map[string]string // of [name=web]
}

// parsePath reads a field path: keys joined by dots, [3] and [key=value,…], with
// quotes around what holds a dot, a bracket, a comma or a quote.
func parsePath(text string) ([]segment, error) {
	var segments []segment
	rest := text
	word := func(stops string) (string, error) {
		if strings.HasPrefix(rest, `"`) {
			quoted, err := strconv.QuotedPrefix(rest)
			if err != nil {
				return "", fmt.Errorf("%q: open quote", text)
			}
			rest = rest[len(quoted):]
			return strconv.Unquote(quoted)
		}
		end := strings.IndexAny(rest, stops)
		if end < 0 {
			end = len(rest)
		}
		found := rest[:end]
		rest = rest[end:]
		return found, nil
	}
	for rest != "" {
		rest = strings.TrimPrefix(rest, ".")
		if !strings.HasPrefix(rest, "[") {
			key, err := word(".[")
			if err != nil {
				return nil, err
			}
			segments = append(segments, segment{key: key, index: -1})
			continue
		}
		rest = rest[1:]
		fields := map[string]string{}
		for {
			quoted := strings.HasPrefix(rest, `"`)
			name, err := word("=],")
			if err != nil {
				return nil, err
			}
			if strings.HasPrefix(rest, "=") {
				rest = rest[1:]
				if fields[name], err = word("],"); err != nil {
					return nil, err
				}
			} else if len(fields) == 0 && strings.HasPrefix(rest, "]") {
				index, err := strconv.Atoi(name)
				if err != nil || quoted {
					// ["a.b"] is a key.
					segments = append(segments, segment{key: name, index: -1})
				} else {
					segments = append(segments, segment{index: index})
				}
				rest = rest[1:]
				fields = nil
				break
			}
			if !strings.HasPrefix(rest, ",") {
				break
			}
			rest = rest[1:]
		}
		if fields == nil {
			continue
		}
		if !strings.HasPrefix(rest, "]") {
			return nil, fmt.Errorf("%q: open bracket", text)
		}
		rest = rest[1:]
		segments = append(segments, segment{index: -1, fields: fields})
	}
	return segments, nil
}

// resolve finds the places of a tree that a path names. A key that is not there
// still names its place, if the rest of the path ends with it.
func resolve(tree any, segments []segment) []pointer {
	type spot struct {
		at    pointer
		value any
	}
	spots := []spot{{"", tree}}
	for i, s := range segments {
		last := i == len(segments)-1
		var next []spot
		for _, p := range spots {
			switch value := p.value.(type) {
			case map[string]any:
				child, ok := value[s.key]
				if s.fields == nil && (ok || last) {
					next = append(next, spot{p.at.key(s.key), child})
				}
			case []any:
				for j, item := range value {
					if s.fields == nil && s.key == "" && s.index == j || s.fields != nil && hasFields(item, s.fields) {
						next = append(next, spot{p.at.index(j), item})
					}
				}
			}
		}
		spots = next
	}
	var found []pointer
	for _, p := range spots {
		found = append(found, p.at)
	}
	return found
}

func hasFields(item any, fields map[string]string) bool {
	for name, value := range fields {
		found, ok := asMap(item)[name]
		if ok && fmt.Sprint(found) != value || !ok && value != "" {
			return false
		}
	}
	return true
}
