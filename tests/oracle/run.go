package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// object is one manifest and what became of it.
type object struct {
	kind      *kindSchema
	name      string
	namespace string // "" for a Namespace
	how       string // create, apply or server-side
	manager   string // who applied it on the server's side
	text      string // the manifest as it stands in its file
	manifest  map[string]any
	live      map[string]any // as the server answered before any mutation
	now       map[string]any // as the server answered last
	authors   authors        // who wrote that
	g         *generator
	stuck     bool // no edit goes through any more
}

func (o *object) String() string { return o.kind.kind + "/" + o.namespace + "/" + o.name }

// url is where the object is read and replaced.
func (o *object) url() string { return o.kind.collection(o.namespace) + "/" + o.name }

// run is one whole run of the oracle.
type run struct {
	server     *server
	minor      int // its version
	tool       tool
	schemas    []*kindSchema
	exceptions []exception
	seed       uint64
	directory  string
	repair     bool
	tidy       bool // manifests without what belongs to the server
	wanted     struct{ objects, mutations int }
	stats      *statistics
	batches    int
}

// batchSize is how many objects one run of the tool compares.
const batchSize = 250

func (r *run) unreachable(path string) bool {
	for _, e := range r.exceptions {
		if e.paths[path] {
			return true
		}
	}
	return false
}

func (r *run) all() error {
	if err := r.checkExceptions(); err != nil {
		return err
	}
	for r.stats.objects < r.wanted.objects {
		if err := r.batch(min(batchSize, r.wanted.objects-r.stats.objects)); err != nil {
			return err
		}
	}
	return nil
}

// batch makes objects in a namespace of their own and puts them through it all.
func (r *run) batch(size int) error {
	namespace := fmt.Sprintf("oracle-%d-%d", r.seed, r.batches)
	r.batches++
	if err := r.makeNamespace(namespace); err != nil {
		return err
	}
	objects, err := r.make(namespace, size)
	if err != nil {
		return err
	}
	directory := filepath.Join(r.directory, namespace)
	if err := writeManifests(directory, objects); err != nil {
		return err
	}
	if err := r.refresh(namespace, objects, func(o *object, live map[string]any) { o.live = live }); err != nil {
		return err
	}
	r.stats.objects += len(objects)
	for _, o := range objects {
		r.stats.notStored(o)
	}
	if err := r.silence(namespace, directory, objects); err != nil {
		return err
	}
	if err := r.removed(namespace, directory+"-removed", objects); err != nil {
		return err
	}
	share := r.wanted.mutations * min(r.stats.objects, r.wanted.objects) / max(1, r.wanted.objects)
	for round := 0; r.stats.mutations < share && round < 200; round++ {
		before := r.stats.mutations
		if err := r.recall(namespace, directory, objects, round); err != nil {
			return err
		}
		if r.stats.mutations == before {
			break
		}
		fmt.Fprintf(os.Stderr, "oracle: %d objects, %d mutations, %d failures\n", r.stats.objects, r.stats.mutations, r.stats.failed())
	}
	return r.deleted(namespace, directory, objects)
}

func (r *run) makeNamespace(name string) error {
	body := writeJSON(map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name}})
	a, err := r.server.do("POST", "/api/v1/namespaces", "application/json", body)
	if err == nil && !a.accepted() {
		err = fmt.Errorf("namespace %s: %s", name, a.reason())
	}
	return err
}

// make gives so many objects that the server accepted.
func (r *run) make(namespace string, size int) ([]*object, error) {
	objects := make([]*object, size)
	used := make([]map[string]bool, size)
	wanted := make([][]string, size)
	rare := r.stats.rarest(r.schemas, r.unreachable)
	for i := range objects {
		k := r.schemas[kindOf(i)]
		if list := rare[k.kind]; len(list) > 0 {
			random := newRand(r.seed, uint64(r.batches), uint64(i), 7)
			for range 4 {
				wanted[i] = append(wanted[i], list[random.IntN(min(len(list), 60))])
			}
		}
	}
	refusals := make([][]string, size)
	err := inParallel(size, func(i int) error {
		for attempt := uint64(0); ; attempt++ {
			if attempt == 60 {
				return fmt.Errorf("60 manifests in a row were refused, the last because: %s", refusals[i][len(refusals[i])-1])
			}
			o, declared, refusal, err := r.makeOne(namespace, i, attempt, wanted[i])
			if err != nil {
				return err
			}
			if refusal == "" {
				objects[i], used[i] = o, declared
				return nil
			}
			refusals[i] = append(refusals[i], refusal)
		}
	})
	if err != nil {
		return nil, err
	}
	for i := range objects {
		r.stats.used(used[i])
		for _, reason := range refusals[i] {
			r.stats.refuse(reason)
		}
	}
	return objects, nil
}

// kindOf mixes the kinds: mostly Deployments, as they have the most fields.
func kindOf(i int) int {
	switch i % 20 {
	case 3, 7, 11, 15:
		return 1
	case 5, 13:
		return 2
	case 18:
		return 3
	}
	return 0
}

func (r *run) makeOne(namespace string, i int, attempt uint64, wanted []string) (o *object, declared map[string]bool, refusal string, err error) {
	k := r.schemas[kindOf(i)]
	g := &generator{Rand: newRand(r.seed, uint64(r.batches), uint64(i), attempt), schema: k, unreachable: r.unreachable}
	if attempt < 6 {
		g.wanted = wanted
	}
	name := fmt.Sprintf("%s-%d", strings.TrimSuffix(k.resource, "s"), i)
	if !k.namespaced {
		name = namespace + "-" + name
		namespace = ""
	}
	tree := g.object(name, namespace)
	if r.tidy {
		// kubectl cannot compare manifests with the server's own fields in them.
		for _, f := range k.root.field("metadata").fields {
			if bookkeeping(f.path) && f.name() != "name" && f.name() != "namespace" {
				delete(asMap(tree["metadata"]), f.name())
			}
		}
	} else if g.chance(0.4) {
		g.addNoise(tree, 0.03)
	}
	if g.chance(0.4) {
		a, err := r.server.do("POST", k.collection(namespace)+"?dryRun=All", "application/json", writeJSON(forPost(tree)))
		if err != nil {
			return nil, nil, "", err
		}
		if a.accepted() {
			answered, err := parseJSON(a.body)
			if err != nil {
				return nil, nil, "", err
			}
			g.addDefaults(tree, asMap(answered), pickOne(g, []float64{0.2, 0.5, 1}))
		}
	}
	text, manifest, err := spell(g, tree)
	if err != nil {
		return nil, nil, "", err
	}
	o = &object{kind: k, name: name, namespace: namespace, text: text, manifest: manifest, g: g,
		how: g.pick("create", "create", "apply", "server-side"), manager: g.pick("kubectl", "kustomize-controller", "argocd-controller")}
	a, err := r.create(o, o.url(), o.namespace)
	if err != nil {
		return nil, nil, "", err
	}
	if !a.accepted() {
		return nil, nil, a.reason(), nil
	}
	declared = map[string]bool{}
	for _, p := range places(k.root, manifest) {
		if p.value != nil {
			declared[p.node.path] = true
		}
	}
	return o, declared, "", nil
}

// forPost leaves out what no client sends.
func forPost(manifest map[string]any) map[string]any {
	body := cloneMap(manifest)
	delete(asMap(body["metadata"]), "resourceVersion")
	return body
}

// create makes the object the way that it is to be made.
func (r *run) create(o *object, url, namespace string) (answer, error) {
	body := forPost(o.manifest)
	if namespace != "" {
		asMap(body["metadata"])["namespace"] = namespace
	}
	switch o.how {
	case "server-side":
		return r.apply(o.manager, o.manager, url, body)
	case "apply":
		remember(body)
	}
	return r.server.do("POST", strings.TrimSuffix(url, "/"+o.name), "application/json", writeJSON(body))
}

// remember adds the record that kubectl apply leaves on the object.
func remember(body map[string]any) {
	const key = "kubectl.kubernetes.io/last-applied-configuration"
	applied := cloneMap(body)
	metadata := asMap(body["metadata"])
	annotations := asMap(metadata["annotations"])
	if annotations == nil {
		annotations = map[string]any{}
		metadata["annotations"] = annotations
	}
	appliedMetadata := asMap(applied["metadata"])
	if appliedMetadata["annotations"] == nil {
		appliedMetadata["annotations"] = map[string]any{}
	}
	annotations[key] = string(writeJSON(applied)) + "\n"
}

// writeManifests puts the manifests into files, some alone, some in company.
func writeManifests(directory string, objects []*object) error {
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return err
	}
	for i := 0; i < len(objects); {
		o := objects[i]
		company := 1
		name := fmt.Sprintf("%03d.yaml", i)
		var text string
		if strings.HasPrefix(o.text, "{") {
			text, name = o.text, fmt.Sprintf("%03d.json", i)
		} else {
			text = o.text
			for company < o.g.IntN(4) && i+company < len(objects) && !strings.HasPrefix(objects[i+company].text, "{") {
				text += "---\n" + objects[i+company].text
				company++
			}
		}
		if err := os.WriteFile(filepath.Join(directory, name), []byte(text), 0o644); err != nil {
			return err
		}
		i += company
	}
	return nil
}

// refresh reads all objects back.
func (r *run) refresh(namespace string, objects []*object, keep func(o *object, live map[string]any)) error {
	lists, err := r.lists(namespace)
	if err != nil {
		return err
	}
	for _, o := range objects {
		live := lists[o.kind.kind][o.name]
		if live == nil {
			return fmt.Errorf("%s is gone", o)
		}
		keep(o, live)
	}
	return nil
}

// silence demands that nothing is reported where nothing was changed.
func (r *run) silence(namespace, directory string, objects []*object) error {
	if err := r.premise(namespace, objects); err != nil {
		return err
	}
	for _, mode := range modes {
		report, err := r.tool.run(directory, namespace, mode.options...)
		if err != nil {
			return err
		}
		quiet := true
		for _, o := range objects {
			resource := report.of(o.kind.kind, o.namespace, o.name)
			if resource == nil {
				r.stats.silent[o.how+mode.name]++
				continue
			}
			quiet = false
			var found []string
			for _, f := range resource.Fields {
				found = append(found, fmt.Sprintf("%s (%s)", f.Path, f.Class))
			}
			r.stats.fail(failure{falseAlarm, "in silence: " + strings.Join(found, ", ")}, o, mode.name, nil, o.live, resource)
		}
		if len(report.Errors) > 0 || quiet && report.exit != 0 || report.Summary["compared"] != len(objects) {
			text, _ := json.Marshal(report.Errors)
			r.stats.fail(failure{broken, fmt.Sprintf("exit %d, %d of %d compared, errors %s", report.exit, report.Summary["compared"], len(objects), first(string(text), 3000))}, nil, mode.name, nil, nil, nil)
		}
	}
	return nil
}

// premise shows, for what was not made by a plain POST, that a fresh POST of the
// manifest elsewhere gives the same object: what strict mode compares with.
func (r *run) premise(namespace string, objects []*object) error {
	fresh := namespace + "-fresh"
	if err := r.makeNamespace(fresh); err != nil {
		return err
	}
	differences := make([]string, len(objects))
	err := inParallel(len(objects), func(i int) error {
		o := objects[i]
		if !o.kind.namespaced || o.how == "create" && r.batches > 1 {
			return nil
		}
		copied := *o
		copied.how = "create"
		a, err := r.create(&copied, o.kind.collection(fresh)+"/"+o.name, fresh)
		if err != nil || !a.accepted() {
			return err // an address or port is taken; then it is the same object's own
		}
		answered, err := parseJSON(a.body)
		if err != nil {
			return err
		}
		for _, d := range compareObjects(o.kind.root, asMap(answered), o.live, o.manifest, matching{}) {
			if verdictOn(d, o.manifest, true) == must {
				differences[i] = d.place()
			}
		}
		return nil
	})
	for i, o := range objects {
		if differences[i] != "" {
			r.stats.fail(failure{broken, "a fresh POST gives another object: " + differences[i]}, o, "", nil, o.live, nil)
		}
	}
	return err
}

type mode struct {
	name    string
	options []string
	strict  bool
}

var modes = []mode{{name: "default"}, {"strict", []string{"--strict"}, true}}

// mutated is one object after one write.
type mutated struct {
	edits    []edit
	matching matching
	live     map[string]any
}

// recall changes every object once and judges what the tool says about it.
func (r *run) recall(namespace, directory string, objects []*object, round int) error {
	r.stats.rank()
	results := make([]*mutated, len(objects))
	refused := make([][]edit, len(objects))
	err := inParallel(len(objects), func(i int) error {
		o := objects[i]
		if o.stuck {
			return nil
		}
		o.g.Rand = newRand(r.seed, uint64(r.batches), uint64(i), uint64(round), 99)
		o.g.serial = 1000 * (round + 1)
		var err error
		results[i], refused[i], err = r.mutate(o, newRand(r.seed, uint64(r.batches), uint64(i), uint64(round), 98))
		o.stuck = results[i] == nil
		return err
	})
	if err != nil {
		return err
	}
	live := make([]map[string]any, len(objects))
	position := map[*object]int{}
	for i, o := range objects {
		position[o] = i
		for _, e := range refused[i] {
			r.stats.refusedEdits[e.id()]++
		}
	}
	err = r.refresh(namespace, objects, func(o *object, now map[string]any) { live[position[o]] = now })
	if err != nil {
		return err
	}
	reports := map[string]*report{}
	for _, mode := range modes {
		report, err := r.tool.run(directory, namespace, mode.options...)
		if err != nil {
			return err
		}
		reports[mode.name] = report
		if len(report.Errors) > 0 {
			text, _ := json.Marshal(report.Errors)
			r.stats.fail(failure{broken, "errors " + first(string(text), 3000)}, nil, mode.name, nil, nil, nil)
		}
	}
	for i, o := range objects {
		m := results[i]
		if m == nil {
			continue
		}
		m.live = live[i]
		effective := r.stats.countEdits(o, m)
		if effective == 0 {
			continue
		}
		for _, mode := range modes {
			resource := reports[mode.name].of(o.kind.kind, o.namespace, o.name)
			r.stats.leftOpen(o, m, resource, mode)
			for _, f := range judge(o, m.live, m.matching, resource, mode.strict) {
				if f.kind == falseAlarm && strings.HasSuffix(f.detail, "(removed)") && deployerIsUnclear(o, m.live) {
					r.stats.open["left Git, as far as can be seen, "+mode.name+": reported"]++
					continue
				}
				r.stats.fail(f, o, mode.name, m.edits, m.live, resource)
			}
			r.judgeWriters(o, m, resource, mode)
		}
	}
	if r.repair {
		return r.mend(namespace, directory, objects, results, repairModes[round%len(repairModes)])
	}
	return nil
}

// mutate writes the object as it was first, with some edits, some of them by one
// client and the rest by another. Where the server refuses them together, fewer are
// tried at once.
func (r *run) mutate(o *object, random *rand.Rand) (*mutated, []edit, error) {
	if err := r.observe(o); err != nil {
		return nil, nil, err
	}
	hands := &generator{Rand: random, serial: o.g.serial}
	var refused []edit
	all := edits(o.kind, o.live, o.manifest, r.unreachable)
	chosen := choose(o.g, all, r.stats.ranks, 9)
	for _, group := range [][]int{{0, 1, 2, 3}, {0, 1}, {2, 3}, {0}, {1}, {2}, {3}, {4}, {5}, {6}, {7}, {8}} {
		var attempt []edit
		for _, i := range group {
			if i < len(chosen) {
				attempt = append(attempt, chosen[i])
			}
		}
		if len(attempt) == 0 {
			continue
		}
		body := cloneMap(o.live)
		m := matching{}
		var applied []edit
		stages := []map[string]any{cloneMap(body)}
		for _, e := range attempt {
			if e.apply(o.g, body, m) {
				applied = append(applied, e)
				stages = append(stages, cloneMap(body))
			}
		}
		if len(applied) == 0 {
			continue
		}
		for _, stage := range stages {
			mendAfter(o.kind, stage)
		}
		a, err := r.inStages(o, hands, stages)
		if err != nil {
			return nil, nil, err
		}
		if a.accepted() {
			return &mutated{edits: applied, matching: m}, refused, r.besides(o, hands, applied)
		}
		if len(applied) == 1 {
			refused = append(refused, applied[0])
		}
	}
	return nil, refused, nil
}

// inStages makes the object what the last of the stages says: one client writes it
// up to one of them, and another the rest.
func (r *run) inStages(o *object, g *generator, stages []map[string]any) (answer, error) {
	last := len(stages) - 1
	first := last
	if g.chance(0.7) {
		first = g.IntN(last)
	}
	a, err := r.writeAs(o, stages[first], pickOne(g, updates))
	if err != nil || !a.accepted() || first == last {
		return a, err
	}
	return r.writeAs(o, stages[last], pickOne(g, partials))
}

// replace is a PUT that overwrites whatever is there.
func (r *run) replace(o *object, body map[string]any, manager string) (answer, error) {
	metadata := asMap(body["metadata"])
	delete(metadata, "resourceVersion")
	delete(metadata, "managedFields")
	return r.server.do("PUT", o.url()+"?fieldManager="+manager, "application/json", writeJSON(body))
}
