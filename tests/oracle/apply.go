package main

import "strings"

// marks is what a deployer adds to what it applies, to know it again.
func marks(manager string, metadata map[string]any) {
	add := func(field, key, value string) {
		if asMap(metadata[field]) == nil {
			metadata[field] = map[string]any{}
		}
		asMap(metadata[field])[key] = value
	}
	switch manager {
	case "kustomize-controller":
		add("labels", "kustomize.toolkit.fluxcd.io/name", "apps")
		add("labels", "kustomize.toolkit.fluxcd.io/namespace", "flux-system")
	case "argocd-controller":
		add("labels", "app.kubernetes.io/instance", "apps")
		add("annotations", "argocd.argoproj.io/tracking-id", "apps:a/B:c/d")
	}
}

// apply is a server-side apply with the marks of this deployer.
func (r *run) apply(manager, deployer, url string, manifest map[string]any, options ...string) (answer, error) {
	body := cloneMap(manifest)
	metadata := asMap(body["metadata"])
	// Only such bookkeeping as an apply may carry.
	delete(metadata, "managedFields")
	delete(metadata, "uid")
	// Up to 1.34 the object would be created as one that is being deleted.
	delete(metadata, "deletionTimestamp")
	delete(metadata, "deletionGracePeriodSeconds")
	marks(deployer, metadata)
	query := strings.Join(append([]string{"fieldManager=" + manager, "force=true"}, options...), "&")
	return r.server.do("PATCH", url+"?"+query, "application/apply-patch+yaml", writeJSON(body))
}

// company lets others write an object that was made by server-side apply: another
// deployer applies a part of it too, or somebody changes something. What they own
// does not leave the object when it leaves the manifest.
func (r *run) company(o *object, g *generator) error {
	if g.chance(0.4) {
		var choices []place
		for _, p := range places(o.kind.root, o.manifest) {
			there, ok := lookup(o.live, p.at)
			if p.value != nil && strings.Count(string(p.at), "/") > 1 && ok && there != nil && !bookkeeping(p.node.path) {
				choices = append(choices, p)
			}
		}
		if len(choices) > 0 {
			part := asMap(partOf(o.kind.root, o.manifest, o.live, pickOne(g, choices).at.parts()))
			metadata := identify(part, o)
			if asMap(metadata["labels"]) == nil {
				metadata["labels"] = map[string]any{}
			}
			asMap(metadata["labels"])["company.example.com/team"] = g.fresh("t")
			if _, err := r.apply("other-controller", "", o.url(), part); err != nil {
				return err
			}
		}
	}
	if o.kind.kind == "Deployment" && g.chance(0.1) {
		part := map[string]any{"apiVersion": o.kind.apiVersion, "kind": o.kind.kind,
			"metadata": map[string]any{"name": o.name}, "spec": map[string]any{"replicas": at(o.live, "spec", "replicas")}}
		if _, err := r.apply("keda-operator", "", o.url(), part); err != nil {
			return err
		}
	}
	if !g.chance(0.4) {
		return nil
	}
	var choices []edit
	for _, e := range edits(o.kind, o.live, o.manifest, r.unreachable) {
		if e.sort == change && !isKey(e.node) {
			choices = append(choices, e)
		}
	}
	if len(choices) == 0 {
		return nil
	}
	body := cloneMap(o.live)
	if !pickOne(g, choices).apply(g, body, matching{}) {
		return nil
	}
	mendAfter(o.kind, body)
	_, err := r.replace(o, body, "somebody") // refused or not
	return err
}

// isKey says whether a field tells an item of a list from the others: with another
// one it is another item, which the next apply leaves beside the declared one.
func isKey(n *node) bool {
	if n.parent == nil || n.parent.parent == nil {
		return false
	}
	for _, key := range n.parent.parent.keys {
		if key == n.name() {
			return true
		}
	}
	return false
}

// partOf is the least manifest that declares a place as the whole one does.
func partOf(n *node, declared, live any, parts []string) any {
	if len(parts) == 0 || n.atomic || n.set {
		return clone(declared)
	}
	if n.shape != aList {
		child := n.elem
		if n.shape == aStruct {
			child = n.field(parts[0])
		}
		return map[string]any{parts[0]: partOf(child, asMap(declared)[parts[0]], asMap(live)[parts[0]], parts[1:])}
	}
	i := index(pointer("/" + parts[0]))
	item := partOf(n.elem, asList(declared)[i], asList(live)[i], parts[1:])
	for _, key := range n.keys {
		asMap(item)[key] = asMap(asList(live)[i])[key]
	}
	return []any{item}
}

// next is what the next apply of this manifest by a manager would make of an object.
// What leaves the manager's entry and yet stays, because a twin of it brings it
// back, is gone too.
func (r *run) next(o *object, manager, namespace string, manifest map[string]any) (map[string]any, error) {
	body := forPost(manifest)
	asMap(body["metadata"])["namespace"] = namespace
	a, err := r.apply(manager, manager, o.url(), body, "dryRun=All")
	if err != nil || !a.accepted() {
		return nil, err
	}
	answered, err := parseJSON(a.body)
	if err != nil {
		return nil, err
	}
	after := asMap(answered)
	const account, name = "serviceAccount", "serviceAccountName"
	owned := func(object map[string]any) bool {
		for _, entry := range asList(at(object, "metadata", "managedFields")) {
			pod := asMap(at(entry, "fieldsV1", "f:spec", "f:template", "f:spec"))
			if pod["f:"+account] != nil || pod["f:"+name] != nil {
				return true
			}
		}
		return false
	}
	if owned(o.live) && !owned(after) {
		pod := asMap(at(after, "spec", "template", "spec"))
		delete(pod, account)
		delete(pod, name)
	}
	imply(o.kind.root, manifest, after)
	return after, nil
}

// imply gives declared variables and volumes without a member the one that they
// mean, where somebody else's member keeps them from having it.
func imply(n *node, declared, after any) {
	switch n.shape {
	case aStruct, aMap:
		mine, theirs := asMap(declared), asMap(after)
		if member := map[string]string{"EnvVar": "value", "Volume": "emptyDir"}[n.goType]; member != "" && mine != nil {
			for _, name := range unions[n.goType] {
				if mine[name] != nil {
					member = ""
				}
			}
			for _, name := range unions[n.goType] {
				// The value of a variable is "" then.
				if member != "" && (name != member || member == "value") {
					delete(theirs, name)
				}
			}
			if member == "emptyDir" && theirs[member] == nil {
				theirs[member] = map[string]any{}
			}
		}
		for key, value := range mine {
			child := n.elem
			if n.shape == aStruct {
				child = n.field(key)
			}
			if child != nil && theirs[key] != nil {
				imply(child, value, theirs[key])
			}
		}
	case aList:
		if len(n.keys) == 0 {
			return
		}
		for i, j := range partners(n, asList(declared), asList(after), false) {
			if j >= 0 {
				imply(n.elem, asList(declared)[i], asList(after)[j])
			}
		}
	}
}

// managerOf is who applied a manifest, as the object shows it: who owns more of what
// is declared than any other applier. Nobody, where two own equally much.
func managerOf(kind *kindSchema, live, manifest map[string]any) string {
	manager, most := "", 0
	for _, entry := range asList(at(live, "metadata", "managedFields")) {
		if at(entry, "operation") != "Apply" {
			continue
		}
		switch count := ownedAndDeclared(kind.root, asMap(at(entry, "fieldsV1")), manifest); {
		case count > most:
			manager, most = at(entry, "manager").(string), count
		case count == most:
			manager = ""
		}
	}
	return manager
}

// deployerIsUnclear says whether somebody else has applied more of a manifest than
// its deployer owns, so that what they applied besides seems to have left Git.
func deployerIsUnclear(o *object, live map[string]any) bool {
	deployers, others := 0, 0
	for _, entry := range asList(at(live, "metadata", "managedFields")) {
		count := ownedAndDeclared(o.kind.root, asMap(at(entry, "fieldsV1")), o.manifest)
		switch isApply := at(entry, "operation") == "Apply"; {
		case isApply && (o.how != "server-side" || at(entry, "manager") != o.manager):
			others = max(others, count)
		case isApply == (o.how == "server-side"):
			deployers = max(deployers, count)
		}
	}
	return others >= deployers
}

// owners are those that own a field, by the path of its element.
func owners(live map[string]any, path ...string) []string {
	var names []string
	for _, entry := range asList(at(live, "metadata", "managedFields")) {
		if at(entry, append([]string{"fieldsV1"}, path...)...) != nil {
			names = append(names, at(entry, "manager").(string))
		}
	}
	return names
}

// ownedAndDeclared counts the values in a set of fields that a manifest declares.
func ownedAndDeclared(n *node, fields map[string]any, declared any) int {
	if len(fields) == 0 {
		return 1
	}
	count := 0
	for element, below := range fields {
		var child *node
		var value any
		isThere := false
		switch sort, text, _ := strings.Cut(element, ":"); sort {
		case "f":
			child = n.elem
			if n.shape == aStruct {
				child = n.field(text)
			}
			// A manager that applies null owns the field too.
			value, isThere = asMap(declared)[text]
		case "k":
			child = n.elem
			keys, _ := parseJSON([]byte(text))
			for _, item := range asList(declared) {
				same := true
				for key, wanted := range asMap(keys) {
					found := asMap(item)[key]
					if key == "protocol" && (found == nil || found == "") {
						found = "TCP"
					}
					same = same && sameTree(found, wanted)
				}
				if same {
					value, isThere = item, true
				}
			}
		}
		if child != nil && isThere {
			count += ownedAndDeclared(child, asMap(below), value)
		}
	}
	return count
}
