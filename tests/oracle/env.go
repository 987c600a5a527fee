package main

// What the kubelet does with variables: of several with one name the last is in
// effect, and $(NAME) means the last of that name before it.

func variable(item any) string { return asString(asMap(item)["name"]) }

// doubled says whether a name is there more than once.
func doubled(items []any) bool {
	seen := map[string]bool{}
	for _, item := range items {
		name := variable(item)
		if seen[name] {
			return true
		}
		seen[name] = true
	}
	return false
}

// fromTheEnd matches the k-th last of a name with the k-th last.
func fromTheEnd(w, g []any) []int {
	places := map[string][]int{}
	for j, item := range g {
		places[variable(item)] = append(places[variable(item)], j)
	}
	to := make([]int, len(w))
	for i := len(w) - 1; i >= 0; i-- {
		to[i] = -1
		if found := places[variable(w[i])]; len(found) > 0 {
			last := len(found) - 1
			to[i], places[variable(w[i])] = found[last], found[:last]
		}
	}
	return to
}

// lastInEffect matches variables from the end wherever a name is doubled, and all
// else as it is matched already.
func lastInEffect(root *node, want, live any, m matching) matching {
	mended := matching{}
	for list, to := range m {
		mended[list] = to
	}
	var visit func(n *node, w, g any, at pointer)
	visit = func(n *node, w, g any, at pointer) {
		switch n.shape {
		case aStruct, aMap:
			a, b := asMap(w), asMap(g)
			for _, key := range sortedKeys(a) {
				child := n.elem
				if n.shape == aStruct {
					child = n.field(key)
				}
				if other, ok := b[key]; ok && child != nil {
					visit(child, a[key], other, at.key(key))
				}
			}
		case aList:
			a, b := asList(w), asList(g)
			if n.name() == "env" && (doubled(a) || doubled(b)) {
				mended[at] = fromTheEnd(a, b)
			}
			to, ok := mended[at]
			for i := range a {
				j := i
				if ok {
					j = to[i]
				}
				if j >= 0 && j < len(b) {
					visit(n.elem, a[i], b[j], at.index(i))
				}
			}
		}
	}
	visit(root, want, live, "")
	return mended
}

// referred says whether a live variable that is not declared changes what a
// declared one behind it says: it does where it is the last of its name before.
func referred(w, g []any, to []int, j int) due {
	name := variable(g[j])
	found := mustNot
	for i, k := range to {
		if k <= j || !refersTo(asString(asMap(w[i])["value"]), map[string]bool{name: true}) {
			continue
		}
		effective := true
		for between := j + 1; between < k; between++ {
			effective = effective && variable(g[between]) != name
		}
		if effective {
			return must
		}
		found = may
	}
	return found
}
