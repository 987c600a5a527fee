package main

import (
	"bytes"
	"encoding/json"
	"sort"
	"strconv"
	"strings"
)

// Trees are JSON as the standard library reads it, with numbers kept as written:
// map[string]any, []any, string, bool, json.Number and nil.

func parseJSON(text []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var v any
	err := decoder.Decode(&v)
	return v, err
}

func writeJSON(v any) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic(err) // trees can always be written
	}
	// A bare next-line character is a line break to who reads this as YAML.
	text := bytes.ReplaceAll(b.Bytes(), []byte("\u0085"), []byte(`\u0085`))
	return bytes.TrimSuffix(text, []byte("\n"))
}

func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := make(map[string]any, len(v))
		for key, value := range v {
			m[key] = clone(value)
		}
		return m
	case []any:
		l := make([]any, len(v))
		for i, value := range v {
			l[i] = clone(value)
		}
		return l
	}
	return v
}

func cloneMap(m map[string]any) map[string]any { return clone(m).(map[string]any) }

func number(i int64) json.Number { return json.Number(strconv.FormatInt(i, 10)) }

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

// at follows a path of keys; nil where there is nothing.
func at(v any, keys ...string) any {
	for _, key := range keys {
		v = asMap(v)[key]
	}
	return v
}

// A pointer names a place in a tree, as RFC 6901 has it. The whole tree is "".
type pointer string

var escapePointer = strings.NewReplacer("~", "~0", "/", "~1")
var unescapePointer = strings.NewReplacer("~1", "/", "~0", "~")

// nowhere is the place of what one side does not have at all; below it is nowhere too.
const nowhere pointer = "#"

func (p pointer) exists() bool { return !strings.HasPrefix(string(p), "#") }

func (p pointer) key(name string) pointer { return p + "/" + pointer(escapePointer.Replace(name)) }
func (p pointer) index(i int) pointer     { return p + "/" + pointer(strconv.Itoa(i)) }

// covers says whether q is p or lies below it.
func (p pointer) covers(q pointer) bool {
	return q.exists() && (q == p || strings.HasPrefix(string(q), string(p)+"/"))
}

func (p pointer) parts() []string {
	if p == "" {
		return nil
	}
	parts := strings.Split(string(p[1:]), "/")
	for i := range parts {
		parts[i] = unescapePointer.Replace(parts[i])
	}
	return parts
}

// parent and last split off the last part.
func (p pointer) parent() pointer {
	if !p.exists() || p == "" {
		return nowhere
	}
	return p[:strings.LastIndexByte(string(p), '/')]
}
func (p pointer) last() string { parts := p.parts(); return parts[len(parts)-1] }

// lookup finds a place; ok is false where there is none. A null counts as found.
func lookup(v any, p pointer) (found any, ok bool) {
	if !p.exists() {
		return nil, false
	}
	ok = true
	for _, part := range p.parts() {
		switch container := v.(type) {
		case map[string]any:
			v, ok = container[part]
			if !ok {
				return nil, false
			}
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(container) {
				return nil, false
			}
			v = container[i]
		default:
			return nil, false
		}
	}
	return v, ok
}

// place is one value of a tree together with its schema.
type place struct {
	at    pointer
	node  *node
	value any
}

// places lists all values of a tree in a fixed order, containers before content.
func places(n *node, v any) []place {
	var all []place
	var visit func(p pointer, n *node, v any)
	visit = func(p pointer, n *node, v any) {
		all = append(all, place{p, n, v})
		switch n.shape {
		case aStruct:
			m := asMap(v)
			for _, key := range sortedKeys(m) {
				if f := n.field(key); f != nil {
					visit(p.key(key), f, m[key])
				}
			}
		case aMap:
			m := asMap(v)
			for _, key := range sortedKeys(m) {
				visit(p.key(key), n.elem, m[key])
			}
		case aList:
			for i, item := range asList(v) {
				visit(p.index(i), n.elem, item)
			}
		}
	}
	visit("", n, v)
	return all
}
