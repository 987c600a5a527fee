package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
)

// client is who writes, as the server is to record it.
type client struct{ Manager, Operation, Subresource string }

func (c client) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s %s %s", c.Manager, c.Operation, c.Subresource))
}

// somebodyElse wrote what was not watched.
var somebodyElse = client{Manager: "?"}

// leaf is a value without parts, or one that the API replaces as a whole.
type leaf struct {
	elements []string // as managedFields name the way to it
	at       pointer
	value    string
}

func (l leaf) id() string { return strings.Join(l.elements, "\x00") }

// leaves lists those of a tree.
func leaves(n *node, v any) []leaf {
	var all []leaf
	var visit func(n *node, v any, elements []string, at pointer)
	visit = func(n *node, v any, elements []string, at pointer) {
		if v == nil || bookkeeping(n.path) && n.path != n.goType {
			return
		}
		below := func(n *node, v any, element string, at pointer) {
			visit(n, v, append(append([]string{}, elements...), element), at)
		}
		switch m, items := asMap(v), asList(v); {
		case len(m) > 0 && !n.atomic && (n.shape == aStruct || n.shape == aMap):
			for _, key := range sortedKeys(m) {
				child := n.elem
				if n.shape == aStruct {
					child = n.field(key)
				}
				if child != nil && !(n.shape == aMap && othersKeys[key]) {
					below(child, m[key], "f:"+key, at.key(key))
				}
			}
		case len(items) > 0 && n.shape == aList && n.set:
			for i, item := range items {
				below(n.elem, item, "v:"+string(writeJSON(item)), at.index(i))
			}
		case len(items) > 0 && n.shape == aList && len(n.keys) > 0:
			for i, element := range keyElements(n, items) {
				below(n.elem, items[i], element, at.index(i))
			}
		default:
			all = append(all, leaf{elements, at, string(writeJSON(v))})
		}
	}
	visit(n, v, nil, "")
	return all
}

// keyElements names the items of a list by their keys, and those that have one in
// common by their turn, from the end.
func keyElements(n *node, items []any) []string {
	names := make([]string, len(items))
	turn := map[string]int{}
	for i := len(items) - 1; i >= 0; i-- {
		keys := map[string]any{}
		for _, key := range n.keys {
			if value := asMap(items[i])[key]; value != nil {
				keys[key] = value
			} else if key == "protocol" {
				keys[key] = "TCP"
			}
		}
		name := "k:" + string(writeJSON(keys))
		if names[i] = name; turn[name] > 0 {
			names[i] = fmt.Sprintf("%s#%d", name, turn[name])
		}
		turn[name]++
	}
	return names
}

// authors is who wrote the leaves of one object, in turn; who wrote the value that
// is there first, and then those that applied the same one.
type authors struct {
	values map[string]string
	of     map[string][]client
	log    []string
}

// see takes in what a write by a client made of the object.
func (a *authors) see(o *object, live map[string]any, by client) {
	if a.of == nil {
		a.values, a.of = map[string]string{}, map[string][]client{}
	}
	isWatched := by != somebodyElse
	if isWatched {
		a.log = append(a.log, by.String()+":")
	} else {
		a.log = nil
	}
	values, of := map[string]string{}, map[string][]client{}
	for _, l := range leaves(o.kind.root, live) {
		id := l.id()
		values[id] = l.value
		if before, ok := a.values[id]; ok && before == l.value {
			of[id] = a.of[id]
		} else {
			of[id] = []client{by}
			if isWatched {
				a.log = append(a.log, fmt.Sprintf("  %s = %s", l.at, first(l.value, 60)))
			}
		}
	}
	a.values, a.of = values, of
}

// sent takes in that a client sent the object in this form. A list that the server
// stores in another form than it was sent in (it drops an empty list from an item, say)
// is the client's: the server records that the client changed it.
func (a *authors) sent(o *object, body map[string]any, by client) {
	for _, l := range leaves(o.kind.root, body) {
		id := l.id()
		stored, ok := a.values[id]
		if ok && stored != l.value && strings.HasPrefix(stored, "[") && !slices.Contains(a.of[id], by) {
			a.of[id] = append([]client{by}, a.of[id]...)
		}
	}
}

// share takes in that a client applied this part of the object, and nothing else.
func (a *authors) share(o *object, part map[string]any, by client) {
	applied := map[string]bool{}
	for _, l := range leaves(o.kind.root, part) {
		applied[l.id()] = true
	}
	for id, clients := range a.of {
		var others []client
		for _, c := range clients {
			if c != by {
				others = append(others, c)
			}
		}
		if applied[id] {
			others = append(others, by)
		}
		a.of[id] = others
	}
}

// owns says whether an entry of managedFields has a leaf. Items with one key are
// owned together.
func owns(entry any, elements []string) bool {
	set := asMap(at(entry, "fieldsV1"))
	for _, element := range elements {
		element, _, _ = strings.Cut(element, "#")
		below, ok := set[element]
		if !ok {
			return false
		}
		if set = asMap(below); len(set) == 0 && strings.HasPrefix(element, "k:") {
			return true
		}
	}
	return true
}

// judgeWriters holds the writers that a report names against those that wrote.
func (r *run) judgeWriters(o *object, m *mutated, resource *resourceReport, mode mode) {
	if resource == nil {
		return
	}
	for _, f := range resource.Fields {
		if !f.live.exists() || f.live == "" || f.isOrder() {
			continue
		}
		var wrote []client
		var recorded []any
		known := true
		for _, l := range r.differing(o, m.live, f) {
			clients := o.authors.of[l.id()]
			for _, c := range clients {
				known = known && c != somebodyElse
			}
			wrote = append(wrote, clients...)
			for _, entry := range asList(at(m.live, "metadata", "managedFields")) {
				if owns(entry, l.elements) {
					recorded = append(recorded, entry)
					// What was there before the server began to record, or forgot.
					known = known && at(entry, "manager") != "before-first-apply" && at(entry, "manager") != "ancient-changes"
				}
			}
		}
		if !known || len(wrote) == 0 {
			r.stats.writers.unknown++
			continue
		}
		if problem := f.misnames(wrote, recorded, &r.stats.writers); problem != "" {
			history := ""
			if len(o.authors.log) < 60 {
				history = "\n" + strings.Join(o.authors.log, "\n")
			}
			r.stats.fail(failure{wrongWriter, fmt.Sprintf("%s: %s%s", f.Path, problem, history)}, o, mode.name, m.edits, m.live, resource)
		}
	}
}

// differing lists the live leaves that a field of a report is about.
func (r *run) differing(o *object, live map[string]any, f *fieldReport) []leaf {
	all := leaves(o.kind.root, live)
	desired := map[string]string{}
	if mine, ok := lookup(o.manifest, f.desired); ok {
		// The declared value in the place of the live one.
		moved := cloneMap(live)
		set(moved, f.live, clone(mine))
		for _, l := range leaves(o.kind.root, moved) {
			desired[l.id()] = l.value
		}
	}
	var found []leaf
	for _, l := range all {
		if l.at.covers(f.live) || f.live.covers(l.at) && desired[l.id()] != l.value {
			found = append(found, l)
		}
	}
	return found
}

func clientOf(entry any) client {
	return client{asString(at(entry, "manager")), asString(at(entry, "operation")), asString(at(entry, "subresource"))}
}

// misnames says what is wrong about the writers of a field.
func (f *fieldReport) misnames(wrote []client, recorded []any, count *writerCount) string {
	if f.LastWriter == nil {
		if len(recorded) == 0 {
			count.ownerless++
			return ""
		}
		count.fields++
		count.wrong++
		return fmt.Sprintf("nobody is named, %s wrote it", wrote)
	}
	count.fields++
	named := append([]client{*f.LastWriter}, f.CoOwners...)
	for _, entry := range recorded {
		if c := clientOf(entry); !slices.Contains(named, c) {
			count.undisclosed++
			return fmt.Sprintf("%s owns it, named are %s", c, named)
		}
	}
	if !slices.Contains(wrote, *f.LastWriter) {
		count.wrong++
		return fmt.Sprintf("%s is named first, %s wrote it", f.LastWriter, wrote)
	}
	count.right++
	if len(named) > 1 {
		count.shared++
	}
	return ""
}

// writerCount counts what reports said about who wrote.
type writerCount struct {
	fields, right, shared, wrong, undisclosed int
	ownerless, unknown                        int
	mutex                                     sync.Mutex
	ways                                      map[string]int // accepted writes
}

func (c *writerCount) wrote(way string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.ways[way]++
}

// isBad says whether too many fields name somebody who did not write them, or one of
// several as if there were no others.
func (c *writerCount) isBad() bool { return c.undisclosed > 0 || c.wrong*200 > c.fields }

func (c *writerCount) print(w io.Writer) {
	for _, way := range byCount(c.ways, len(c.ways)) {
		fmt.Fprintf(w, "written by %-22s %6d\n", way, c.ways[way])
	}
	fmt.Fprintf(w, "writers: %d fields with an owner, %d right (%d of them with several owners), %d wrong, %d undisclosed; %d without an owner, %d not followed\n",
		c.fields, c.right, c.shared, c.wrong, c.undisclosed, c.ownerless, c.unknown)
}
