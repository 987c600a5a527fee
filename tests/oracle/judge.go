package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// The kinds of failure.
const (
	falseAlarm = "false alarm"
	missed     = "missed"
	wrongPath  = "wrong path"
	violation  = "repair violation"
	broken     = "unexpected end"
	// Few of these are no failure of the run; see the summary.
	wrongWriter = "wrong writer"
)

type failure struct {
	kind, detail string
}

// due says what the design wants of a delta.
type due int

const (
	mustNot due = iota // nobody's business
	may                // left open
	must               // reported exactly once
)

// verdictOn decides whether a delta is drift.
func verdictOn(d delta, manifest map[string]any, strict bool) due {
	path := d.node.path
	if allocated(strings.TrimSuffix(path, "[]")) && !d.declared {
		if ip := at(manifest, "spec", "clusterIP"); path == "Service.spec.clusterIPs" && ip != nil && ip != "" {
			return may // it follows what is reported anyway
		}
		if path == "Service.spec.ipFamilyPolicy" && strict {
			return must // a default, in so far
		}
		return mustNot
	}
	if !d.declared && othersList(path) {
		// Beside others' entries, one's own is one value; see below.
		if item, ok := lookup(manifest, d.want.parent()); ok && item != nil && d.node.parent.shape == aStruct {
			return may
		}
		if strings.Contains(path, ".template.") {
			return may // nobody's, as no controller looks there
		}
		return mustNot
	}
	if !d.declared && d.node.parent != nil && d.node.parent.shape == aMap && writtenByOthers(d.got) {
		return mustNot
	}
	if d.tolerated {
		return may
	}
	if strict || d.declared || d.referred == must {
		return must
	}
	if d.referred == may {
		return may
	}
	return follows(d, manifest)
}

// othersList finds finalizers and owner references, which belong to controllers
// wherever the manifest does not declare them.
func othersList(path string) bool {
	_, rest, _ := strings.Cut(path, ".")
	rest = strings.TrimPrefix(rest, "spec.template.")
	return strings.HasPrefix(rest, "metadata.finalizers") || strings.HasPrefix(rest, "metadata.ownerReferences")
}

// writtenByOthers finds the marks that kubectl, controllers and deployers leave.
func writtenByOthers(p pointer) bool {
	if !p.exists() || !strings.Contains(string(p), "metadata/") {
		return false
	}
	switch p.last() {
	case "kubectl.kubernetes.io/restartedAt", "deployment.kubernetes.io/revision", "kubernetes.io/change-cause",
		"argocd.argoproj.io/tracking-id", "app.kubernetes.io/instance", "kustomize.toolkit.fluxcd.io/name", "kustomize.toolkit.fluxcd.io/namespace",
		"app.kubernetes.io/managed-by", "meta.helm.sh/release-name", "meta.helm.sh/release-namespace":
		return true
	}
	return false
}

// follows decides about what the manifest leaves to the server: drift by default
// only where it hangs on a declared neighbour and would go wrong beside it.
func follows(d delta, manifest map[string]any) due {
	declares := func(keys ...string) bool { return at(manifest, keys...) != nil && !isZero(at(manifest, keys...)) }
	switch path := d.node.path; {
	case d.node.hint == "EnvVar.value":
		// A variable without a value has the empty one.
		if item, ok := lookup(manifest, d.want.parent()); ok && item != nil && asMap(item)["valueFrom"] == nil {
			return must
		}
	case path == "Service.spec.ports[].targetPort":
		if port, ok := lookup(manifest, d.want.parent()); ok && port != nil {
			return must
		}
	case path == "Deployment.spec.template.spec.serviceAccount":
		if declares("spec", "template", "spec", "serviceAccountName") {
			return must
		}
	case path == "Deployment.spec.template.spec.serviceAccountName":
		if declares("spec", "template", "spec", "serviceAccount") {
			return must
		}
	case strings.HasPrefix(path, "Deployment.spec.strategy"):
		if !declares("spec", "strategy", "type") {
			if at(manifest, "spec", "strategy") != nil {
				return may
			}
			return mustNot
		}
		if d.onWant && d.onGot {
			return must
		}
		return may // it came or went with its type
	}
	// An atomic struct is one value; a tool may or may not see into it.
	for n, p := d.node.parent, d.want; n != nil && p.exists() && p != ""; n = n.parent {
		p = p.parent()
		if mine, ok := lookup(manifest, p); ok && mine != nil && n.atomic && n.shape == aStruct {
			return may
		}
	}
	return mustNot
}

// judge holds a report about one object against what changed. Where items can be
// matched in more than one sensible way, the report may follow any one of them.
func judge(o *object, live map[string]any, m matching, r *resourceReport, strict bool) []failure {
	var best []failure
	for i, candidate := range matchings(o.kind.root, m, o.live, live) {
		candidate = lastInEffect(o.kind.root, o.live, live, candidate)
		deltas := compareObjects(o.kind.root, o.live, live, o.manifest, candidate)
		failures := judgeDeltas(o, live, deltas, r, func(d delta) due { return verdictOn(d, o.manifest, strict) })
		if i == 0 || len(failures) < len(best) {
			best = failures
		}
		if len(best) == 0 {
			break
		}
	}
	return best
}

// matchings gives the one that the edits made, and where an item came and another
// went in the same list, also the one in which they are the same; then those by key.
func matchings(root *node, m matching, want, live map[string]any) []matching {
	all := []matching{m}
	paired := matching{}
	differs := false
	for list, to := range m {
		value, _ := lookup(live, list)
		taken := map[int]bool{}
		for _, j := range to {
			taken[j] = true
		}
		var free []int
		for j := range asList(value) {
			if !taken[j] {
				free = append(free, j)
			}
		}
		mended := append([]int{}, to...)
		for i, j := range to {
			if j < 0 && len(free) > 0 {
				mended[i], free = free[0], free[1:]
				differs = true
			}
		}
		paired[list] = mended
	}
	if differs {
		all = append(all, paired)
	}
	all = append(all, byName(m, want, live)...)
	// Two names that were exchanged are two items that were. In lists with another key it may be the keys.
	keyed := sameItems(root, want, live, false)
	for _, named := range byName(keyed, want, live) {
		all = append(all, named, filledUp(named, keyed))
	}
	return append(all, keyed, sameItems(root, want, live, true))
}

// byName matches the lists that have an item's name twice: the k-th with the k-th.
func byName(m matching, want, live map[string]any) []matching {
	renamed := matching{}
	for list, to := range m {
		renamed[list] = to
	}
	changed := false
	for list := range m {
		before, _ := lookup(want, list)
		after, _ := lookup(live, list)
		places := map[string][]int{}
		for j, item := range asList(after) {
			name := asString(asMap(item)["name"])
			places[name] = append(places[name], j)
		}
		var to []int
		for i, item := range asList(before) {
			name := asString(asMap(item)["name"])
			if name == "" && i < len(renamed[list]) && renamed[list][i] >= 0 {
				to = append(to, renamed[list][i])
				continue
			}
			if found := places[name]; name != "" && len(found) > 0 {
				to, places[name] = append(to, found[0]), found[1:]
			} else {
				to = append(to, -1)
			}
		}
		renamed[list] = to
		changed = true
	}
	if !changed {
		return nil
	}
	return []matching{renamed}
}

// filledUp gives the items that one matching leaves alone their partners in another,
// where these are left alone too: some names were exchanged, others changed.
func filledUp(named, m matching) matching {
	all := matching{}
	for list, to := range named {
		all[list] = slices.Clone(to)
		for i, j := range m[list] {
			if i < len(to) && to[i] < 0 && !slices.Contains(all[list], j) {
				all[list][i] = j
			}
		}
	}
	return all
}

func judgeDeltas(o *object, live map[string]any, deltas []delta, r *resourceReport, verdict func(delta) due) []failure {
	var failures []failure
	fail := func(kind, format string, args ...any) {
		failures = append(failures, failure{kind, fmt.Sprintf(format, args...)})
	}
	var fields []*fieldReport
	if r != nil {
		fields = r.Fields
	}
	for _, f := range fields {
		f.point()
		if problem := checkPath(o, live, f); problem != "" {
			fail(wrongPath, "%s: %s", f.Path, problem)
		}
	}
	dues := make([]due, len(deltas))
	for i, d := range deltas {
		dues[i] = verdict(d)
		if dues[i] == must && !d.declared && announced(o, fields, d) {
			dues[i] = may
		}
		if dues[i] != must {
			continue
		}
		var by, extras []string
		removed := false
		counts := map[string]int{}
		for _, f := range fields {
			switch {
			case !f.covers(d):
			case f.Class == "extra" || f.Class == "removed":
				extras = append(extras, f.Path)
				counts[f.Class]++
				removed = removed || f.Class == "removed"
			default:
				by = append(by, f.Path)
			}
		}
		switch {
		case len(by) == 0 && (len(extras) == 0 || d.onWant && d.wantValue != nil && !removed):
			fail(missed, "%s: %s %s", d.node.path, d.kind, d.place())
		case len(by) > 1 || counts["extra"] > 1 || counts["removed"] > 1:
			// An item that is missing here and extra there is one of each. So is what left
			// Git of a struct that stays as an extra, because others own the rest.
			fail(wrongPath, "%s: %s %s is reported more than once: %s", d.node.path, d.kind, d.place(), strings.Join(append(by, extras...), " and "))
		}
	}
	for _, f := range fields {
		found := false
		for i, d := range deltas {
			found = found || dues[i] != mustNot && f.covers(d)
		}
		if !found {
			fail(falseAlarm, "%s (%s)", f.Path, f.Class)
		}
	}
	return failures
}

// announced says whether the report names a place as a consequence of what it
// reports: what the server derives comes back with the repair of its source.
func announced(o *object, fields []*fieldReport, d delta) bool {
	for _, f := range fields {
		for _, path := range f.Consequences {
			path = o.kind.kind + "." + bracketed.ReplaceAllString(path, "[]")
			if d.node.path == path || strings.HasPrefix(d.node.path, path+".") || strings.HasPrefix(d.node.path, path+"[") {
				return true
			}
		}
	}
	return false
}

func (f *fieldReport) covers(d delta) bool {
	if f.isOrder() && d.kind != "order" {
		return false
	}
	return f.desired.exists() && f.desired.covers(d.want) || f.live.exists() && f.live.covers(d.got)
}

// isOrder says whether only an order is reported: by names, of a list of items.
func (f *fieldReport) isOrder() bool {
	if !strings.HasSuffix(f.Path, ".env") && !strings.HasSuffix(f.Path, ".initContainers") {
		return false
	}
	var names []string
	return json.Unmarshal(f.Desired, &names) == nil && json.Unmarshal(f.Live, &names) == nil
}

func (d delta) place() string {
	if d.want.exists() {
		return string(d.want)
	}
	return string(d.got) + " (live)"
}

// stored says whether a value is what the server made of the declared one.
func stored(o *object, p pointer, said any) bool {
	found, ok := lookup(o.live, p)
	return ok && sameTree(said, found)
}

// namesItems says whether a changed order is shown by the items' names alone.
func namesItems(said, items any) bool {
	names, all := asList(said), asList(items)
	if len(names) == 0 || len(names) > len(all) {
		return false
	}
	for _, name := range names {
		found := false
		for _, item := range all {
			found = found || asMap(item)["name"] == name
		}
		if !found {
			return false
		}
	}
	return true
}

// checkPath holds a path against the pointers beside it. A path without any is
// looked up, so that it can be judged like the others.
func checkPath(o *object, live map[string]any, f *fieldReport) string {
	segments, err := parsePath(f.Path)
	if err != nil {
		return err.Error()
	}
	if f.desired.exists() {
		found, ok := lookup(o.manifest, f.desired)
		if !ok {
			return fmt.Sprintf("nothing is declared at %s", f.desired)
		}
		if said, err := parseJSON(f.Desired); err != nil || !sameTree(said, found) && !namesItems(said, found) && !stored(o, f.desired, said) {
			return fmt.Sprintf("it says %s is declared where %s is", f.Desired, writeJSON(found))
		}
	}
	if f.live.exists() {
		found, ok := lookup(live, f.live)
		if !ok {
			return fmt.Sprintf("nothing is live at %s", f.live)
		}
		if said, err := parseJSON(withoutEmptyTime(f.Live)); err != nil || !sameTree(said, found) && !namesItems(said, found) {
			return fmt.Sprintf("it says %s is live where %s is", f.Live, writeJSON(found))
		}
	}
	here, there := resolve(o.live, segments), resolve(live, segments)
	here = append(here, resolve(o.manifest, segments)...)
	if !f.desired.exists() && !f.live.exists() {
		if len(here) == 0 {
			return "it names nothing"
		}
		f.desired = here[0]
		return ""
	}
	for _, p := range here {
		// A default has no place in the manifest, only in the value that it is derived from.
		if p == f.desired || !f.desired.exists() {
			return ""
		}
	}
	for _, p := range there {
		if p == f.live {
			return ""
		}
	}
	return fmt.Sprintf("it does not lead to %s (declared) nor %s (live)", f.desired, f.live)
}
