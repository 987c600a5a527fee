package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"slices"
	"sort"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
)

// The judge's own knowledge of Kubernetes: short, by hand, and apart from what
// the tool believes.

// bookkeeping belongs to the server, whatever a manifest says.
func bookkeeping(path string) bool {
	_, rest, _ := strings.Cut(path, ".")
	if rest == "status" || strings.HasPrefix(rest, "status.") || strings.HasPrefix(rest, "metadata.managedFields") ||
		strings.HasPrefix(rest, "spec.template.metadata.managedFields") {
		return true
	}
	switch rest {
	case "apiVersion", "kind", "metadata.name", "metadata.namespace", "metadata.resourceVersion",
		"metadata.generateName", "metadata.generation", "metadata.uid", "metadata.creationTimestamp",
		"metadata.selfLink", "metadata.deletionTimestamp", "metadata.deletionGracePeriodSeconds":
		return true
	}
	// The server's own list, which a write to the Namespace does not reach.
	return path == "Namespace.spec.finalizers" || path == "Namespace.spec"
}

// allocated is chosen by the server where the manifest does not.
func allocated(path string) bool {
	switch path {
	case "Service.spec.clusterIP", "Service.spec.clusterIPs", "Service.spec.ipFamilies",
		"Service.spec.ports[].nodePort", "Service.spec.healthCheckNodePort":
		return true
	}
	return false
}

// othersKeys are annotations and labels that kubectl and the server write.
var othersKeys = map[string]bool{
	"kubectl.kubernetes.io/last-applied-configuration": true,
	"kubernetes.io/metadata.name":                      true,
}

// keepsOrder says whether the order of an atomic list means something.
func keepsOrder(n *node) bool {
	switch n.name() {
	case "command", "args", "envFrom", "restartPolicyRules", "nameservers", "searches", "options", "hostnames",
		"httpHeaders", "sources", "clusterIPs", "ipFamilies":
		return true
	}
	return false
}

// delta is one place where two objects differ.
type delta struct {
	kind string // value, union, atomic, order
	// want is where it is in the desired object, got where in the live one; a
	// place in which nothing lies is given too, unless it is inside an item that
	// the side does not have.
	want, got   pointer
	onWant      bool // the desired side has a value there
	onGot       bool
	node        *node
	wantValue   any
	declared    bool // the manifest has a value there
	tolerated   bool // the design leaves open whether it counts
	explanation string
	// referred says that a variable which is not declared matters to one that is.
	referred due
}

// matching tells which items of lists are the same on both sides. Lists that are
// not in it are matched by position: the server keeps the order of what it gets.
type matching map[pointer][]int // desired list -> for each desired item its live index, or -1

type comparison struct {
	manifest map[string]any
	matching matching
	deltas   []delta
	referred due // of the variable that is being looked at
}

// compareObjects lists where live differs from want. Both come from the server.
func compareObjects(root *node, want, live, manifest map[string]any, m matching) []delta {
	c := &comparison{manifest: manifest, matching: m}
	c.walk(root, want, live, "", "", true, true)
	return c.deltas
}

func (c *comparison) add(d delta) {
	mine, ok := lookup(c.manifest, d.want)
	d.declared = ok && mine != nil && !(allocated(d.node.path) && isZero(mine))
	if d.declared && d.kind == "value" && d.node.shape == aScalar {
		// What the server did not store as declared cannot be judged here.
		if theirs, ok := c.desired(d); ok && !sameScalar(d.node, mine, theirs) && !rounded(mine, theirs) || !ok && !isZero(mine) {
			d.tolerated, d.explanation = true, "the server did not store what was declared"
		}
	}
	d.referred = c.referred
	c.deltas = append(c.deltas, d)
}

func (c *comparison) desired(d delta) (any, bool) { return d.wantValue, d.onWant }

func isZero(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case json.Number:
		f, err := v.Float64()
		return err == nil && f == 0
	}
	return false
}

func (c *comparison) walk(n *node, want, got any, wp, gp pointer, onWant, onGot bool) {
	if bookkeeping(n.path) || !onWant && !onGot {
		return
	}
	d := delta{kind: "value", want: wp, got: gp, onWant: onWant, onGot: onGot, node: n, wantValue: want}
	switch n.shape {
	case aScalar:
		switch {
		case onWant && onGot:
			if !sameScalar(n, want, got) {
				c.add(d)
			}
		default:
			c.add(d)
		}
	case aStruct:
		c.structs(d, n, asMap(want), asMap(got))
	case aMap:
		if n.atomic {
			if canonical(n, want) != canonical(n, got) {
				d.kind = "atomic"
				c.add(d)
			}
			return
		}
		w, g := asMap(want), asMap(got)
		for _, key := range union(sortedKeys(w), sortedKeys(g)) {
			if othersKeys[key] {
				continue
			}
			a, onA := w[key]
			b, onB := g[key]
			c.walk(n.elem, a, b, wp.key(key), gp.key(key), onA, onB)
		}
	case aList:
		c.lists(d, n, asList(want), asList(got))
	}
}

func union(a, b []string) []string {
	seen := map[string]bool{}
	var all []string
	for _, key := range append(append([]string{}, a...), b...) {
		if !seen[key] {
			seen[key] = true
			all = append(all, key)
		}
	}
	sort.Strings(all)
	return all
}

func (c *comparison) structs(d delta, n *node, w, g map[string]any) {
	members := map[string]bool{}
	if d.onWant && d.onGot {
		// In what the manifest has not declared, nothing is implied: the member is a field that went.
		_, declared := lookup(c.manifest, d.want)
		if (declared || hasMember(n, w)) && unionDiffers(n, w, g) {
			d.kind = "union"
			c.add(d)
			for _, name := range unions[n.goType] {
				members[name] = true
			}
		}
	} else if mine, ok := lookup(c.manifest, d.want); ok && mine != nil && !d.onGot {
		// What is declared without any value in it may be missed, or not.
		d.tolerated, d.explanation = true, "a declared object is gone as a whole"
		c.add(d)
	} else if len(w)+len(g) == 0 {
		d.tolerated, d.explanation = true, "an empty object against nothing"
		c.add(d)
		return
	}
	for _, f := range n.fields {
		if members[f.name()] {
			continue
		}
		a, onA := w[f.name()]
		b, onB := g[f.name()]
		c.walk(f, a, b, d.want.key(f.name()), d.got.key(f.name()), onA, onB)
	}
}

func hasMember(n *node, fields map[string]any) bool {
	return slices.ContainsFunc(unions[n.goType], func(name string) bool {
		_, there := fields[name]
		return there
	})
}

// unionDiffers says whether other members are set instead. A variable without
// any is one with the value "". A member that went without another coming is a
// field that went.
func unionDiffers(n *node, w, g map[string]any) bool {
	came := false
	for _, name := range unions[n.goType] {
		_, there := g[name]
		came = came || there
	}
	if !came {
		return false
	}
	for _, name := range unions[n.goType] {
		if n.goType == "EnvVar" && name == "value" {
			continue
		}
		_, a := w[name]
		_, b := g[name]
		if a != b {
			return true
		}
	}
	return false
}

func (c *comparison) lists(d delta, n *node, w, g []any) {
	switch {
	case n.set:
		in := func(items []any, item any) bool {
			for _, other := range items {
				if canonical(n.elem, item) == canonical(n.elem, other) {
					return true
				}
			}
			return false
		}
		for i, item := range w {
			if !in(g, item) {
				c.add(delta{kind: "value", want: d.want.index(i), got: nowhere, onWant: true, node: n.elem, wantValue: item})
			}
		}
		for i, item := range g {
			if !in(w, item) {
				c.add(delta{kind: "value", want: nowhere, got: d.got.index(i), onGot: true, node: n.elem})
			}
		}
	case n.atomic:
		if canonical(n, w) != canonical(n, g) {
			d.kind = "atomic"
			// The server extends what it allocates after what is declared.
			d.tolerated = allocated(n.path) && len(w) < len(g) && sameTree(w, g[:len(w)])
			d.explanation = "the server extended a list"
			c.add(d)
		}
	default:
		c.items(d, n, w, g)
	}
}

func (c *comparison) items(d delta, n *node, w, g []any) {
	partner, ok := c.matching[d.want]
	if !ok {
		for i := range w {
			if i < len(g) {
				partner = append(partner, i)
			} else {
				partner = append(partner, -1)
			}
		}
	}
	taken := map[int]bool{}
	var order []int
	for i, item := range w {
		j := partner[i]
		if j < 0 {
			c.walk(n.elem, item, nil, d.want.index(i), nowhere, true, false)
			continue
		}
		taken[j] = true
		order = append(order, j)
		c.walk(n.elem, item, g[j], d.want.index(i), d.got.index(j), true, true)
	}
	for j, item := range g {
		if !taken[j] {
			if n.name() == "env" {
				c.referred = referred(w, g, partner, j)
			}
			c.walk(n.elem, nil, item, nowhere, d.got.index(j), false, true)
			c.referred = mustNot
		}
	}
	if orderBroken(n, w, order) {
		d.kind = "order"
		c.add(d)
	}
}

// orderBroken says whether items changed places where that means something:
// init containers run one after the other, and a variable sees those before it.
func orderBroken(n *node, w []any, order []int) bool {
	from := len(order)
	switch n.name() {
	case "initContainers":
		from = 0
	case "env":
		count := map[string]int{}
		for _, item := range w {
			count[variable(item)]++
		}
		for i, item := range w {
			// What refers to nothing but itself means the same wherever it stands.
			others := map[string]bool{}
			for name, n := range count {
				others[name] = name != variable(item) || n > 1
			}
			if refersTo(asString(asMap(item)["value"]), others) {
				from = i
				break
			}
		}
	}
	ranks := append([]int{}, order...)
	sort.Ints(ranks)
	for i := from; i < len(order); i++ {
		if order[i] != ranks[i] {
			return true
		}
	}
	return false
}

func refersTo(value string, names map[string]bool) bool {
	value = strings.ReplaceAll(value, "$$", "")
	for {
		_, rest, ok := strings.Cut(value, "$(")
		if !ok {
			return false
		}
		name, _, closed := strings.Cut(rest, ")")
		if closed && names[name] {
			return true
		}
		value = rest
	}
}

// sameScalar compares by meaning.
func sameScalar(n *node, a, b any) bool {
	switch n.scalar {
	case "quantity":
		x, errX := parseQuantity(a)
		y, errY := parseQuantity(b)
		return errX == nil && errY == nil && x.Cmp(y) == 0
	case "bytes":
		x, errX := base64.StdEncoding.DecodeString(asString(a))
		y, errY := base64.StdEncoding.DecodeString(asString(b))
		return errX == nil && errY == nil && bytes.Equal(x, y)
	case "time":
		x, errX := time.Parse(time.RFC3339, asString(a))
		y, errY := time.Parse(time.RFC3339, asString(b))
		return errX == nil && errY == nil && x.Truncate(time.Second).Equal(y.Truncate(time.Second))
	}
	return sameTree(a, b)
}

func parseQuantity(v any) (resource.Quantity, error) {
	if n, ok := v.(json.Number); ok {
		v = n.String()
	}
	return resource.ParseQuantity(strings.TrimSpace(asString(v)))
}

// rounded says whether the server only rounded an amount up to its milli.
func rounded(declared, stored any) bool {
	x, errX := parseQuantity(declared)
	y, errY := parseQuantity(stored)
	if errX != nil || errY != nil {
		return false
	}
	limit := new(big.Rat).SetFrac64(1, 1000)
	gap := new(big.Rat).Sub(rational(y), rational(x))
	return gap.Sign() >= 0 && gap.Cmp(limit) < 0
}

func rational(q resource.Quantity) *big.Rat {
	r, ok := new(big.Rat).SetString(q.AsDec().String())
	if !ok {
		return new(big.Rat)
	}
	return r
}

// canonical writes a value so that equal meaning gives equal text.
func canonical(n *node, v any) string {
	switch n.shape {
	case aScalar:
		if n.scalar == "quantity" {
			if q, err := parseQuantity(v); err == nil {
				return rational(q).String()
			}
		}
		return string(writeJSON(v))
	case aList:
		var items []string
		for _, item := range asList(v) {
			items = append(items, canonical(n.elem, item))
		}
		if !keepsOrder(n) {
			sort.Strings(items)
		}
		return "[" + strings.Join(items, ",") + "]"
	}
	var entries []string
	m := asMap(v)
	for _, key := range sortedKeys(m) {
		child := n.elem
		if n.shape == aStruct {
			child = n.field(key)
		}
		if child == nil {
			continue
		}
		entries = append(entries, key+":"+canonical(child, m[key]))
	}
	return "{" + strings.Join(entries, ",") + "}"
}
