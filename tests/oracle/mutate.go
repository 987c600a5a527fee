package main

import (
	"fmt"
	"sort"
	"strings"
)

// The sorts of mutation.
const (
	change  = "change"  // a declared value gets another one
	remove  = "remove"  // a declared field, key or item goes
	swap    = "swap"    // another member of a union
	reorder = "reorder" // items of a list change places
	add     = "add"     // something undeclared comes: a field, key or item
	preset  = "default" // a default gets another value
	others  = "others"  // what controllers, kubectl and deployers write
)

var sorts = []string{change, remove, swap, reorder, add, preset, others}

// edit is one change to a live object.
type edit struct {
	sort   string
	node   *node   // what is changed
	at     pointer // where, in the object before
	key    string  // of the field or key that is added or exchanged
	member string  // of the union that is exchanged
	region pointer // what no other edit of the same write may touch
}

// field names what is changed by the Go type that has it, which is how mutations
// are counted: one field of the API, wherever it occurs.
func (e edit) field() string {
	if e.sort == swap {
		return e.node.goType + "." + e.member
	}
	return e.node.hint
}

func (e edit) id() string { return e.sort + " " + e.field() }

func (e edit) String() string {
	if e.key != "" {
		return fmt.Sprintf("%s %s (%s)", e.sort, e.at.key(e.key), e.field())
	}
	return fmt.Sprintf("%s %s (%s)", e.sort, e.at, e.field())
}

// edits lists what could be done to a live object.
func edits(k *kindSchema, live, manifest map[string]any, unreachable func(string) bool) []edit {
	var all []edit
	immutable := live["immutable"] == true
	for _, p := range places(k.root, live) {
		path := p.node.path
		if untouchable(p) || unreachable(path) || immutable && !strings.HasPrefix(path, "ConfigMap.metadata") && path != "ConfigMap" {
			continue
		}
		mine, ok := lookup(manifest, p.at)
		declared := ok && mine != nil
		inList := p.node.parent != nil && p.node.parent.shape == aList
		inMap := p.node.parent != nil && p.node.parent.shape == aMap
		if p.node.shape == aScalar {
			e := edit{sort: change, node: p.node, at: p.at, region: p.at}
			if !declared {
				e.sort = preset
			}
			all = append(all, e)
		}
		if declared && p.at != "" {
			switch {
			case inList:
				all = append(all, edit{sort: remove, node: p.node, at: p.at, region: p.at.parent()})
			case inMap || !p.node.required:
				all = append(all, edit{sort: remove, node: p.node, at: p.at, region: p.at})
			}
		}
		switch p.node.shape {
		case aList:
			all = append(all, edit{sort: add, node: p.node.elem, at: p.at, region: p.at})
			if len(asList(p.value)) > 1 {
				all = append(all, edit{sort: reorder, node: p.node, at: p.at, region: p.at})
			}
		case aMap:
			all = append(all, edit{sort: add, node: p.node.elem, at: p.at, key: "?", region: p.at})
		case aStruct:
			all = append(all, structEdits(p, unreachable, immutable)...)
		}
	}
	return all
}

func structEdits(p place, unreachable func(string) bool, immutable bool) []edit {
	var all []edit
	m := asMap(p.value)
	for _, f := range p.node.fields {
		if _, there := m[f.name()]; there || unreachable(f.path) || bookkeeping(f.path) || inUnion(p.node, f) {
			continue
		}
		if immutable && !strings.HasPrefix(f.path, "ConfigMap.metadata") {
			continue
		}
		all = append(all, edit{sort: add, node: f, at: p.at, key: f.name(), region: p.at.key(f.name())})
	}
	if members := unions[p.node.goType]; len(members) > 0 {
		e := edit{sort: swap, node: p.node, at: p.at, region: p.at}
		for _, name := range members {
			if _, there := m[name]; there {
				e.member = name
			}
		}
		all = append(all, e)
	}
	if p.node.goType == "ObjectMeta" {
		all = append(all, edit{sort: others, node: p.node, at: p.at, region: p.at})
	}
	return all
}

// untouchable is what the server never lets change, or changes back.
func untouchable(p place) bool {
	path := p.node.path
	if bookkeeping(path) && path != p.node.goType {
		return true
	}
	return strings.HasPrefix(path, "Deployment.spec.selector") ||
		strings.HasPrefix(string(p.at), "/spec/template/metadata/labels/app") ||
		p.node.parent != nil && p.node.parent.shape == aMap && othersKeys[p.at.last()]
}

// choose picks edits for an object that do not touch each other, rare ones first.
func choose(g *generator, all []edit, count map[string]int, want int) []edit {
	rank := make([]float64, len(all))
	order := make([]int, len(all))
	for i, e := range all {
		rank[i] = float64(count[e.id()]) + 1.5*g.Float64()
		order[i] = i
	}
	sort.Slice(order, func(a, b int) bool { return rank[order[a]] < rank[order[b]] })
	var chosen []edit
next:
	for _, i := range order {
		for _, other := range chosen {
			if all[i].region.covers(other.region) || other.region.covers(all[i].region) {
				continue next
			}
		}
		if chosen = append(chosen, all[i]); len(chosen) == want {
			break
		}
	}
	return chosen
}

// apply does one edit to body, which still has its other items where the edit
// expects them. It gives the new tree, and notes which items went where. It fails
// where nothing else can be put.
func (e edit) apply(g *generator, body map[string]any, m matching) bool {
	sc := scopeAt(body, e.at)
	switch e.sort {
	case change, preset:
		old, _ := lookup(body, e.at)
		for range 12 {
			if v := g.value(e.node, sc); v != nil && !sameScalar(e.node, v, old) {
				set(body, e.at, v)
				if twin := e.twin(body); twin.exists() {
					set(body, twin, v)
				}
				return true
			}
		}
		return false
	case remove:
		if e.node.parent.shape == aList {
			list := e.at.parent()
			items, _ := lookup(body, list)
			i := index(e.at)
			kept := append(append([]any{}, asList(items)[:i]...), asList(items)[i+1:]...)
			set(body, list, kept)
			m[list] = without(len(asList(items)), i)
			return true
		}
		container, _ := lookup(body, e.at.parent())
		if twin := e.twin(body); twin.exists() {
			delete(asMap(container), twin.last())
		}
		delete(asMap(container), e.at.last())
		return true
	case add:
		return e.add(g, body, m, sc)
	case swap:
		return e.swap(g, body, sc)
	case reorder:
		value, _ := lookup(body, e.at)
		items := asList(value)
		order := g.Perm(len(items))
		moved := make([]any, len(items))
		for i, j := range order {
			moved[j] = items[i]
		}
		if sameTree(moved, items) {
			return false
		}
		set(body, e.at, moved)
		m[e.at] = order
		return true
	case others:
		return e.others(g, body)
	}
	panic(e.sort)
}

// twin is the other field that the server keeps equal: alone, neither changes.
func (e edit) twin(body map[string]any) pointer {
	twins := map[string]string{"PodSpec.serviceAccount": "serviceAccountName", "PodSpec.serviceAccountName": "serviceAccount"}
	if name := twins[e.node.hint]; name != "" {
		if twin := e.at.parent().key(name); at(body, twin.parts()...) != nil {
			return twin
		}
	}
	return nowhere
}

func (e edit) add(g *generator, body map[string]any, m matching, sc scope) bool {
	container, _ := lookup(body, e.at)
	if items, ok := container.([]any); ok {
		item := g.value(e.node, sc)
		if item == nil {
			return false
		}
		i := g.IntN(len(items) + 1)
		grown := append(append(append([]any{}, items[:i]...), item), items[i:]...)
		set(body, e.at, grown)
		var to []int
		for j := range items {
			if j >= i {
				j++
			}
			to = append(to, j)
		}
		m[e.at] = to
		return true
	}
	key := e.key
	if key == "?" {
		key = g.mapKey(e.node.parent) + g.fresh("-")
	}
	if sc.parent = asMap(container); sc.parent == nil {
		return false
	}
	v := g.value(e.node, sc)
	if v == nil {
		return false
	}
	asMap(container)[key] = v
	return true
}

func (e edit) swap(g *generator, body map[string]any, sc scope) bool {
	value, _ := lookup(body, e.at)
	m := asMap(value)
	members := unions[e.node.goType]
	sc.parent = m
	for range 8 {
		name := g.pick(members...)
		// An older version does not have every member.
		field := e.node.field(name)
		if _, there := m[name]; there || field == nil || g.unreachable(field.path) {
			continue
		}
		v := g.value(field, sc)
		if v == nil {
			continue
		}
		for _, other := range members {
			delete(m, other)
		}
		m[name] = v
		return true
	}
	return false
}

// others writes what no manifest declares and nobody wants to hear of.
func (e edit) others(g *generator, body map[string]any) bool {
	value, _ := lookup(body, e.at)
	metadata := asMap(value)
	annotate := func(key, v string) {
		if metadata["annotations"] == nil {
			metadata["annotations"] = map[string]any{}
		}
		asMap(metadata["annotations"])[key] = v
	}
	label := func(key, v string) {
		if metadata["labels"] == nil {
			metadata["labels"] = map[string]any{}
		}
		asMap(metadata["labels"])[key] = v
	}
	if strings.Contains(e.node.path, "template") {
		annotate("kubectl.kubernetes.io/restartedAt", "2026-01-02T03:04:05Z")
		return true
	}
	switch g.IntN(6) {
	case 0:
		annotate("deployment.kubernetes.io/revision", fmt.Sprint(1+g.IntN(9)))
	case 1:
		annotate("kubernetes.io/change-cause", g.fresh("kubectl set image "))
	case 2:
		annotate("argocd.argoproj.io/tracking-id", g.fresh("app:apps/Deployment:"))
	case 3:
		label("kustomize.toolkit.fluxcd.io/name", g.fresh("flux-"))
		label("kustomize.toolkit.fluxcd.io/namespace", "flux-system")
	case 4:
		label("app.kubernetes.io/managed-by", "Helm")
		annotate("meta.helm.sh/release-name", g.fresh("r"))
		annotate("meta.helm.sh/release-namespace", "default")
	case 5:
		metadata["finalizers"] = append(asList(metadata["finalizers"]), "service.kubernetes.io/load-balancer-cleanup")
	}
	return true
}

func set(body map[string]any, p pointer, v any) {
	container, _ := lookup(body, p.parent())
	switch container := container.(type) {
	case map[string]any:
		container[p.last()] = v
	case []any:
		container[index(p)] = v
	}
}

func index(p pointer) int {
	var i int
	fmt.Sscan(p.last(), &i)
	return i
}

func without(n, gone int) []int {
	var to []int
	for i := range n {
		switch {
		case i < gone:
			to = append(to, i)
		case i == gone:
			to = append(to, -1)
		default:
			to = append(to, i-1)
		}
	}
	return to
}

// scopeAt finds what a value at a place can refer to.
func scopeAt(body map[string]any, p pointer) scope {
	sc := scope{object: body, pod: asMap(at(body, "spec", "template", "spec"))}
	parts := strings.Split(string(p), "/")
	if len(parts) > 5 && (parts[4] == "containers" || parts[4] == "initContainers") {
		container, _ := lookup(body, pointer(strings.Join(parts[:6], "/")))
		sc.container = asMap(container)
	}
	return sc
}

// mendAfter makes whole what several edits, or one, left in pieces.
func mendAfter(k *kindSchema, body map[string]any) {
	switch k.kind {
	case "Deployment":
		if strategy := asMap(at(body, "spec", "strategy")); strategy["type"] == "Recreate" {
			delete(strategy, "rollingUpdate")
		}
	case "Service":
		if spec := asMap(body["spec"]); spec["type"] == "ExternalName" && spec["externalName"] == nil {
			spec["externalName"] = "ext.example.com"
		}
	}
}
