package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// generator makes random values for places of the schema. What types cannot
// tell (names that must refer to each other, ranges, formats) stands in hints.go.
type generator struct {
	*rand.Rand
	schema *kindSchema
	// wanted are schema paths that the object should reach, so that rare fields
	// get their share.
	wanted []string
	// unreachable are the places that no server of this version accepts.
	unreachable func(path string) bool
	serial      int
}

func newRand(parts ...uint64) *rand.Rand {
	var a, b uint64 = 0x9e3779b97f4a7c15, 1
	for _, part := range parts {
		a = (a ^ part) * 0xbf58476d1ce4e5b9
		a ^= a >> 29
		b = b*0x94d049bb133111eb + a
	}
	return rand.New(rand.NewPCG(a, b))
}

// scope is what a value can refer to.
type scope struct {
	object    map[string]any
	pod       map[string]any // the pod spec that is being made
	container map[string]any
	parent    map[string]any // the struct that gets the value
	node      *node
}

func (sc scope) init() bool { return strings.Contains(sc.node.path, ".initContainers[]") }

func (g *generator) chance(p float64) bool { return g.Float64() < p }

func (g *generator) pick(options ...string) string { return options[g.IntN(len(options))] }

func pickOne[T any](g *generator, options []T) T { return options[g.IntN(len(options))] }

// fresh makes a name that no other place of the object has.
func (g *generator) fresh(prefix string) string {
	g.serial++
	return fmt.Sprintf("%s%d%c", prefix, g.serial, 'a'+rune(g.IntN(26)))
}

func (g *generator) wants(n *node) bool {
	for _, path := range g.wanted {
		if path == n.path || strings.HasPrefix(path, n.path) && strings.ContainsAny(path[len(n.path):len(n.path)+1], ".[{") {
			return true
		}
	}
	return false
}

// value makes a value for a place.
func (g *generator) value(n *node, sc scope) any {
	sc.node = n
	if hint, ok := hints[n.hint]; ok {
		return hint(g, sc)
	}
	switch n.shape {
	case aStruct:
		return g.structure(n, sc)
	case aList:
		return g.list(n, sc)
	case aMap:
		m := map[string]any{}
		for range g.size() {
			m[g.mapKey(n)] = g.value(n.elem, sc)
		}
		return m
	}
	if len(n.enum) > 0 {
		return g.pick(n.enum...)
	}
	switch n.scalar {
	case "bool":
		return g.chance(0.5)
	case "int":
		return number(int64(1 + g.IntN(100)))
	case "quantity":
		return g.quantity("500m", "1", "1.5", "0.25", "2k", "1Gi")
	case "int-or-string":
		return number(int64(1 + g.IntN(65535)))
	case "time":
		return g.pick("2026-01-02T03:04:05Z", "2025-06-07T08:09:10+02:00", "2024-12-31T23:59:59.5Z")
	case "bytes":
		return g.pick("aGVsbG8=", "AAECAw==", "/+8=", "Zm9vYmFyYmF6")
	case "opaque":
		return map[string]any{"f:spec": map[string]any{}}
	}
	return g.text()
}

// size is how many items a list or map gets.
func (g *generator) size() int { return 1 + min(g.IntN(3), g.IntN(3)) }

func (g *generator) mapKey(n *node) string {
	if key, ok := mapKeys[n.hint]; ok {
		return key(g)
	}
	return g.labelKey()
}

func (g *generator) structure(n *node, sc scope) map[string]any {
	m := map[string]any{}
	sc.parent = m
	switch n.goType {
	case "PodSpec":
		sc.pod = m
	case "Container":
		sc.container = m
	}
	skip := map[string]bool{}
	if members := unions[n.goType]; len(members) > 0 {
		chosen := g.member(n, members)
		for _, name := range members {
			skip[name] = name != chosen
		}
		if chosen != "" {
			v := g.value(n.field(chosen), sc)
			if v == nil { // there is nothing that it could refer to
				chosen = members[0]
				v = g.value(n.field(chosen), sc)
			}
			m[chosen] = v
		}
	}
	for _, name := range fieldsFirst[n.goType] {
		g.maybe(n.field(name), m, skip, sc)
	}
	for _, f := range n.fields {
		g.maybe(f, m, skip, sc)
	}
	return m
}

func (g *generator) maybe(f *node, m map[string]any, skip map[string]bool, sc scope) {
	if f == nil {
		return
	}
	if _, done := m[f.name()]; done || skip[f.name()] || g.unreachable(f.path) {
		return
	}
	likely, ok := likelihood[f.hint]
	if !ok {
		likely = 0.35
		if strings.HasPrefix(f.hint, "PodSpec.") {
			likely = 0.15
		}
	}
	if g.wants(f) {
		likely = max(likely, 0.9)
	}
	if f.required || g.chance(likely) {
		if v := g.value(f, sc); v != nil {
			m[f.name()] = v
		}
	}
}

// member chooses which member of a union is set.
func (g *generator) member(n *node, members []string) string {
	var open []string
	for _, name := range members {
		f := n.field(name)
		// An older version does not have every member.
		if f == nil || g.unreachable(f.path) {
			continue
		}
		if g.wants(f) {
			return name
		}
		open = append(open, name)
	}
	if unionOptional[n.goType] && g.chance(0.15) {
		return ""
	}
	return pickOne(g, open)
}

// list gives nil where no item could be made.
func (g *generator) list(n *node, sc scope) any {
	var items []any
	seen := map[string]bool{}
	for range g.size() {
		item := g.value(n.elem, sc)
		if item == nil {
			continue
		}
		// Keyed lists and sets refuse or merge what comes twice.
		if key := itemKey(n, item); key != "" && seen[key] {
			continue
		} else {
			seen[key] = true
		}
		items = append(items, item)
	}
	if len(items) == 0 {
		return nil
	}
	return items
}

// itemKey is what tells an item of a list from its neighbours, "" where nothing does.
func itemKey(n *node, item any) string {
	switch {
	case n.set:
		return string(writeJSON(item))
	case len(n.keys) > 0:
		var key []any
		for _, name := range n.keys {
			key = append(key, asMap(item)[name])
		}
		return string(writeJSON(key))
	}
	return ""
}

// object makes a whole manifest.
func (g *generator) object(name, namespace string) map[string]any {
	for {
		object := g.structure(g.schema.root, scope{})
		delete(object, "status")
		object["apiVersion"], object["kind"] = g.schema.apiVersion, g.schema.kind
		metadata := asMap(object["metadata"])
		if metadata == nil {
			metadata = map[string]any{}
			object["metadata"] = metadata
		}
		metadata["name"] = name
		delete(metadata, "namespace")
		if g.schema.namespaced && g.chance(0.7) {
			metadata["namespace"] = namespace
		}
		g.fix(object)
		return object
	}
}
