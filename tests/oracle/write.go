package main

import "strings"

// way is how somebody writes.
type way struct{ name, manager string }

// The ways to write anything, and those that only a part can be written in. There
// are so few managers that the server never merges their records into one.
var (
	updates = []way{{"update", "somebody"}, {"update", "kubectl-edit"}, {"merge patch", "kubectl-patch"},
		{"strategic merge patch", "kubectl-set"}, {"strategic merge patch", "helm"}, {"JSON patch", "kubectl-patch"}}
	partials = append([]way{{"apply", "second"}, {"apply", "second"}, {"apply", "helm"}}, updates...)
)

// observe reads the object, which others may have written.
func (r *run) observe(o *object) error {
	text, err := r.server.get(o.url())
	if err != nil {
		return err
	}
	live, err := parseJSON(text)
	if err != nil {
		return err
	}
	o.now = asMap(live)
	o.authors.see(o, o.now, somebodyElse)
	return nil
}

// saw takes in the answer to a write.
func (r *run) saw(o *object, a answer, by client) error {
	live, err := parseJSON(a.body)
	if err != nil {
		return err
	}
	o.now = asMap(live)
	o.authors.see(o, o.now, by)
	return nil
}

// writeAs makes the object as body says. What a patch or an apply cannot do of it,
// the same client does by an update.
func (r *run) writeAs(o *object, body map[string]any, w way) (answer, error) {
	before, after := written(o.now), written(body)
	var a answer
	var err error
	client := client{w.manager, "Update", ""}
	send := func(contentType string, patch any) {
		a, err = r.server.do("PATCH", o.url()+"?fieldManager="+w.manager, contentType, writeJSON(patch))
	}
	switch w.name {
	case "merge patch":
		send("application/merge-patch+json", mergePatch(before, after))
	case "strategic merge patch":
		send("application/strategic-merge-patch+json", strategicPatch(o.kind.root, before, after))
	case "JSON patch":
		send("application/json-patch+json", jsonPatch(before, after, ""))
	case "apply":
		part := r.partBetween(o, before, after)
		if part == nil {
			break
		}
		client.Operation = "Apply"
		a, err = r.server.do("PATCH", o.url()+"?fieldManager="+w.manager+"&force=true", "application/apply-patch+yaml", writeJSON(part))
		if err == nil && a.accepted() {
			if err = r.saw(o, a, client); err == nil {
				o.authors.share(o, part, client)
			}
		}
	}
	if err != nil {
		return a, err
	}
	patched := a.status != 0 && a.accepted()
	if patched && client.Operation == "Update" {
		if err := r.saw(o, a, client); err != nil {
			return a, err
		}
	}
	a, err = r.replace(o, cloneMap(body), w.manager)
	if err == nil && a.accepted() {
		if err = r.saw(o, a, clientOfUpdate(w.manager)); err == nil {
			o.authors.sent(o, body, clientOfUpdate(w.manager))
		}
		name := w.name
		if !patched && name != "update" {
			name = "update"
		}
		r.stats.writers.wrote(name)
	}
	return a, err
}

func clientOfUpdate(manager string) client { return client{manager, "Update", ""} }

// besides is what others do to an object at the same time: an autoscaler and a
// controller write through its subresources, and another applier takes a part of
// what was changed for its own.
func (r *run) besides(o *object, g *generator, edits []edit) error {
	if o.kind.kind == "Deployment" && g.chance(0.15) && !touches(edits, "/spec/replicas") {
		patch := map[string]any{"spec": map[string]any{"replicas": number(int64(g.IntN(9)))}}
		if err := r.subresource(o, "scale", "autoscaler", patch); err != nil {
			return err
		}
	}
	if o.kind.kind == "Deployment" && g.chance(0.15) {
		patch := map[string]any{"status": map[string]any{"observedGeneration": number(int64(g.IntN(100)))}}
		if g.chance(0.5) && !touches(edits, "/metadata/annotations") {
			patch["metadata"] = map[string]any{"annotations": map[string]any{"company.example.com/seen": g.fresh("s")}}
		}
		if err := r.subresource(o, "status", "kube-controller-manager", patch); err != nil {
			return err
		}
	}
	if !g.chance(0.2) {
		return nil
	}
	part := r.partBetween(o, written(o.live), written(o.now))
	if part == nil {
		return nil
	}
	by := client{"third", "Apply", ""}
	a, err := r.server.do("PATCH", o.url()+"?fieldManager=third&force=true", "application/apply-patch+yaml", writeJSON(part))
	if err != nil || !a.accepted() {
		return err
	}
	r.stats.writers.wrote("apply of the same")
	if err := r.saw(o, a, by); err != nil {
		return err
	}
	o.authors.share(o, part, by)
	return nil
}

func touches(edits []edit, p pointer) bool {
	for _, e := range edits {
		if e.region.covers(p) || p.covers(e.region) {
			return true
		}
	}
	return false
}

// subresource writes through one; its answer may be another kind of object.
func (r *run) subresource(o *object, name, manager string, patch map[string]any) error {
	a, err := r.server.do("PATCH", o.url()+"/"+name+"?fieldManager="+manager, "application/merge-patch+json", writeJSON(patch))
	if err != nil || !a.accepted() {
		return err
	}
	r.stats.writers.wrote(name)
	text, err := r.server.get(o.url())
	if err != nil {
		return err
	}
	return r.saw(o, answer{body: text}, client{manager, "Update", name})
}

// written is what of an object a client writes.
func written(object map[string]any) map[string]any {
	body := cloneMap(object)
	delete(body, "status")
	metadata := asMap(body["metadata"])
	for _, key := range []string{"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp"} {
		delete(metadata, key)
	}
	return body
}

// removals is a patch that removes the keys that only the first map has.
func removals(before, after map[string]any) map[string]any {
	patch := map[string]any{}
	for key := range before {
		if _, ok := after[key]; !ok {
			patch[key] = nil
		}
	}
	return patch
}

// mergePatch is RFC 7386's between two trees.
func mergePatch(before, after map[string]any) map[string]any {
	patch := removals(before, after)
	for key, value := range after {
		old, there := before[key]
		a, b := asMap(old), asMap(value)
		switch {
		case there && sameTree(old, value):
		case there && a != nil && b != nil:
			patch[key] = mergePatch(a, b)
		default:
			patch[key] = value
		}
	}
	return patch
}

// jsonPatch is RFC 6902's between two trees. Lists of equal length are patched item
// by item.
func jsonPatch(before, after any, at pointer) []any {
	operations := []any{}
	put := func(operation string, at pointer, value any) {
		operations = append(operations, map[string]any{"op": operation, "path": string(at), "value": value})
	}
	a, b := asMap(before), asMap(after)
	x, y := asList(before), asList(after)
	switch {
	case sameTree(before, after):
	case a != nil && b != nil:
		for _, key := range sortedKeys(a) {
			if _, ok := b[key]; !ok {
				operations = append(operations, map[string]any{"op": "remove", "path": string(at.key(key))})
			}
		}
		for _, key := range sortedKeys(b) {
			if old, ok := a[key]; ok {
				operations = append(operations, jsonPatch(old, b[key], at.key(key))...)
			} else {
				put("add", at.key(key), b[key])
			}
		}
	case len(x) > 0 && len(x) == len(y):
		for i := range x {
			operations = append(operations, jsonPatch(x[i], y[i], at.index(i))...)
		}
	default:
		put("replace", at, after)
	}
	return operations
}

// strategicPatch is the patch by which kubectl makes one tree into another: items
// of keyed lists by the first of their keys, everything else whole.
func strategicPatch(n *node, before, after map[string]any) map[string]any {
	patch := removals(before, after)
	for key, value := range after {
		old, there := before[key]
		if there && sameTree(old, value) {
			continue
		}
		child := n.elem
		if n.shape == aStruct {
			child = n.field(key)
		}
		a, b := asMap(old), asMap(value)
		switch {
		case child != nil && a != nil && b != nil && !child.atomic:
			patch[key] = strategicPatch(child, a, b)
		case child != nil && len(child.keys) > 0 && uniqueIn(child.keys[0], old) && uniqueIn(child.keys[0], value):
			patch[key] = itemsPatch(child, asList(old), asList(value))
			var order []any
			for _, item := range asList(value) {
				order = append(order, map[string]any{child.keys[0]: asMap(item)[child.keys[0]]})
			}
			patch["$setElementOrder/"+key] = order
		default:
			patch[key] = value
		}
	}
	return patch
}

func itemsPatch(n *node, before, after []any) []any {
	key := n.keys[0]
	find := func(items []any, wanted any) map[string]any {
		for _, item := range items {
			if sameTree(asMap(item)[key], wanted) {
				return asMap(item)
			}
		}
		return nil
	}
	items := []any{}
	for _, item := range after {
		old := find(before, asMap(item)[key])
		switch {
		case old == nil:
			items = append(items, item)
		case !sameTree(old, item):
			change := strategicPatch(n.elem, old, asMap(item))
			change[key] = asMap(item)[key]
			items = append(items, change)
		}
	}
	for _, item := range before {
		if find(after, asMap(item)[key]) == nil {
			items = append(items, map[string]any{"$patch": "delete", key: asMap(item)[key]})
		}
	}
	return items
}

// uniqueIn says whether each item of a list has a value of its own in a field.
func uniqueIn(key string, list any) bool {
	seen := map[string]bool{}
	for _, item := range asList(list) {
		text := string(writeJSON(asMap(item)[key]))
		if seen[text] || text == "null" {
			return false
		}
		seen[text] = true
	}
	return true
}

// partBetween is the least manifest that an apply needs to make one tree into another, as
// far as an apply can. Nothing, where it can do nothing.
func (r *run) partBetween(o *object, before, after map[string]any) map[string]any {
	part := asMap(difference(o.kind.root, before, after))
	if part == nil {
		return nil
	}
	identify(part, o)
	return part
}

// identify says in a part of an object's manifest which object it is of, and gives
// its metadata.
func identify(part map[string]any, o *object) map[string]any {
	part["apiVersion"], part["kind"] = o.kind.apiVersion, o.kind.kind
	metadata := asMap(part["metadata"])
	if metadata == nil {
		metadata = map[string]any{}
		part["metadata"] = metadata
	}
	metadata["name"] = o.name
	return metadata
}

// difference is what of the second tree is not in the first, with the keys of its
// items; nil for nothing.
func difference(n *node, before, after any) any {
	if after == nil || sameTree(before, after) {
		return nil
	}
	if n.atomic || n.shape == aScalar || before == nil {
		return clone(after)
	}
	switch n.shape {
	case aStruct, aMap:
		part := map[string]any{}
		for key, value := range asMap(after) {
			child := n.elem
			if n.shape == aStruct {
				child = n.field(key)
			}
			if child == nil || bookkeeping(child.path) {
				continue
			}
			if below := difference(child, asMap(before)[key], value); below != nil {
				part[key] = below
			}
		}
		if len(part) > 0 {
			return part
		}
	case aList:
		if len(n.keys) == 0 {
			return nil
		}
		var items []any
		elements, old := keyElements(n, asList(after)), keyElements(n, asList(before))
		for i, element := range elements {
			if strings.Contains(element, "#") || doubledIn(elements, element) || doubledIn(old, element) {
				continue
			}
			var match any
			for j, other := range old {
				if other == element {
					match = asList(before)[j]
				}
			}
			below := difference(n.elem, match, asList(after)[i])
			if below == nil {
				continue
			}
			for _, key := range n.keys {
				asMap(below)[key] = asMap(asList(after)[i])[key]
			}
			items = append(items, below)
		}
		if len(items) > 0 {
			return items
		}
	}
	return nil
}

// doubledIn says whether an item with the same key follows the one of this name.
func doubledIn(elements []string, element string) bool {
	for _, other := range elements {
		if other == element+"#1" {
			return true
		}
	}
	return false
}
