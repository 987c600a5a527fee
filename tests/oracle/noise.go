package main

import "strings"

// addNoise declares what makes no difference to the server: nulls, empty lists
// and maps, and zeros where a zero is the same as nothing.
func (g *generator) addNoise(object map[string]any, likely float64) {
	for _, p := range places(g.schema.root, object) {
		if p.node.shape != aStruct || p.at == "" || inMetadataList(p.node.path) {
			continue
		}
		m := asMap(p.value)
		for _, f := range p.node.fields {
			if _, declared := m[f.name()]; declared || f.required || g.unreachable(f.path) || !g.chance(likely) {
				continue
			}
			switch {
			case g.chance(0.4):
				m[f.name()] = nil
			case f.shape == aList:
				m[f.name()] = []any{}
			case f.shape == aMap:
				m[f.name()] = map[string]any{}
			case f.pointer || f.shape == aStruct || inUnion(p.node, f):
			case f.scalar == "string":
				m[f.name()] = ""
			case f.scalar == "bool":
				m[f.name()] = false
			case f.scalar == "int":
				m[f.name()] = number(0)
			}
		}
	}
	if metadata := asMap(object["metadata"]); g.chance(likely * 5) {
		// As generators of manifests write it.
		metadata["creationTimestamp"] = nil
		if g.schema.root.field("status") != nil {
			object["status"] = map[string]any{}
		}
	}
}

func inUnion(n, f *node) bool {
	for _, name := range unions[n.goType] {
		if name == f.name() {
			return true
		}
	}
	return false
}

// inMetadataList finds owner references and the like, where zeros are refused.
func inMetadataList(path string) bool {
	return strings.Contains(path, "ownerReferences") || strings.Contains(path, "managedFields")
}

// addDefaults declares some of what the server fills in by itself, as people do
// who spell everything out.
func (g *generator) addDefaults(object, answered map[string]any, likely float64) {
	var visit func(n *node, declared, live any)
	visit = func(n *node, declared, live any) {
		switch n.shape {
		case aStruct:
			m, other := asMap(declared), asMap(live)
			for _, f := range n.fields {
				value, ok := other[f.name()]
				if !ok || bookkeeping(f.path) || allocated(f.path) {
					continue
				}
				if mine, ok := m[f.name()]; ok && mine != nil {
					visit(f, mine, value)
				} else if g.chance(likely) {
					m[f.name()] = clone(value)
				}
			}
		case aList:
			mine, others := asList(declared), asList(live)
			for i := range min(len(mine), len(others)) {
				visit(n.elem, mine[i], others[i])
			}
		}
	}
	visit(g.schema.root, object, answered)
}
