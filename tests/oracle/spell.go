package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync/atomic"

	"sigs.k8s.io/yaml"
)

// speller writes a tree as YAML in one of the countless ways that read the same.
type speller struct {
	g       *generator
	plain   bool // no tricks: every string in double quotes
	anchors map[string]string
	maps    map[string]map[string]any // anchored maps, for merge keys
}

// spell gives a text and the tree that kubectl reads from it. The tree differs
// from the one that went in at most in the spelling of numbers.
func spell(g *generator, tree map[string]any) (string, map[string]any, error) {
	for _, plain := range []bool{false, true} {
		s := &speller{g: g, plain: plain, anchors: map[string]string{}, maps: map[string]map[string]any{}}
		text := s.document(tree)
		read, err := readAsKubectl(text)
		if err == nil && sameTree(tree, read) {
			return text, read, nil
		}
		if plain {
			return "", nil, fmt.Errorf("spelt wrongly (%v):\n%s\n%s", err, writeJSON(tree), text)
		}
		spelling.fallbacks.Add(1)
	}
	panic("unreachable")
}

// spelling counts what the speller could not express with tricks.
var spelling struct{ fallbacks atomic.Int64 }

// readAsKubectl reads JSON as JSON and all else as YAML.
func readAsKubectl(text string) (map[string]any, error) {
	if strings.HasPrefix(text, "{") {
		tree, err := parseJSON([]byte(text))
		return asMap(tree), err
	}
	converted, err := yaml.YAMLToJSONStrict([]byte(text))
	if err != nil {
		return nil, err
	}
	tree, err := parseJSON(converted)
	if err != nil {
		return nil, err
	}
	return asMap(tree), nil
}

// sameTree compares two trees, numbers by value.
func sameTree(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for key, value := range a {
			other, ok := b[key]
			if !ok || !sameTree(value, other) {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !sameTree(a[i], b[i]) {
				return false
			}
		}
		return true
	case json.Number:
		b, ok := b.(json.Number)
		x, errX := a.Float64()
		y, errY := b.Float64()
		return ok && errX == nil && errY == nil && x == y
	}
	return reflect.DeepEqual(a, b)
}

func (s *speller) chance(p float64) bool { return !s.plain && s.g.chance(p) }

func (s *speller) document(tree map[string]any) string {
	if s.chance(0.1) {
		indented, _ := json.MarshalIndent(tree, "", "  ")
		return string(indented) + "\n" // JSON is YAML
	}
	var b strings.Builder
	s.block(&b, tree, 0, false)
	return b.String()
}

// block writes a value from the place after "key:" or "-" on.
func (s *speller) block(b *strings.Builder, v any, indent int, inline bool) {
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 0 {
			b.WriteString(s.blank(inline) + "{}" + s.comment() + "\n")
			return
		}
		if alias := s.alias(v); alias != "" && inline {
			b.WriteString(" " + alias + "\n")
			return
		}
		if inline && s.chance(0.08) {
			b.WriteString(" " + s.flow(v) + s.comment() + "\n")
			return
		}
		if inline {
			b.WriteString(s.anchor(v) + s.comment() + "\n")
		}
		s.entries(b, v, indent)
	case []any:
		if len(v) == 0 {
			b.WriteString(s.blank(inline) + "[]" + s.comment() + "\n")
			return
		}
		if s.chance(0.1) {
			b.WriteString(" " + s.flow(v) + s.comment() + "\n")
			return
		}
		b.WriteString(s.comment() + "\n")
		if s.chance(0.5) && indent >= 2 {
			indent -= 2 // "- " may stand under its key
		}
		for _, item := range v {
			s.item(b, item, indent)
		}
	case string:
		b.WriteString(" " + s.text(v, indent) + "\n")
	default:
		b.WriteString(" " + s.scalar(v) + s.comment() + "\n")
	}
}

func (s *speller) blank(inline bool) string {
	if inline {
		return " "
	}
	return ""
}

func (s *speller) item(b *strings.Builder, item any, indent int) {
	pad := strings.Repeat(" ", indent)
	m, ok := item.(map[string]any)
	if !ok || len(m) == 0 || s.chance(0.05) {
		b.WriteString(pad + "-")
		if !ok || len(m) == 0 {
			s.block(b, item, indent+2, true)
		} else {
			b.WriteString(" " + s.flow(m) + "\n")
		}
		return
	}
	// The first key stands beside the dash.
	var body strings.Builder
	s.entries(&body, m, indent+2)
	text := body.String()
	if strings.HasPrefix(text, pad+"  #") {
		b.WriteString(pad + "-\n" + text)
		return
	}
	b.WriteString(pad + "- " + strings.TrimPrefix(text, pad+"  "))
}

func (s *speller) entries(b *strings.Builder, m map[string]any, indent int) {
	pad := strings.Repeat(" ", indent)
	keys := sortedKeys(m)
	if !s.plain {
		s.g.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	}
	merged := s.mergeable(m)
	if merged != "" {
		b.WriteString(pad + "<<: *" + merged + "\n")
	}
	for _, key := range keys {
		if merged != "" {
			if _, done := s.maps[merged][key]; done {
				continue
			}
		}
		if s.chance(0.02) {
			b.WriteString(pad + "# a remark: with colon\n")
		}
		b.WriteString(pad + s.key(key) + ":")
		s.block(b, m[key], indent+2, true)
	}
}

// mergeable finds an anchored map all of whose entries this one has too.
func (s *speller) mergeable(m map[string]any) string {
	if !s.chance(0.5) {
		return ""
	}
search:
	for _, name := range sortedKeys(s.maps) {
		candidate := s.maps[name]
		if len(candidate) >= len(m) {
			continue
		}
		for key, value := range candidate {
			if other, ok := m[key]; !ok || !reflect.DeepEqual(value, other) {
				continue search
			}
		}
		return name
	}
	return ""
}

func (s *speller) anchor(m map[string]any) string {
	if !s.chance(0.08) {
		return ""
	}
	name := "a" + strconv.Itoa(len(s.anchors)+1)
	text := string(writeJSON(m))
	if _, known := s.anchors[text]; known {
		return ""
	}
	s.anchors[text] = name
	// It can be used from the end of its own map on only; equal maps come later.
	s.maps[name] = m
	return " &" + name
}

func (s *speller) alias(m map[string]any) string {
	name, ok := s.anchors[string(writeJSON(m))]
	if !ok || !s.chance(0.9) {
		return ""
	}
	return "*" + name
}

func (s *speller) comment() string {
	if s.chance(0.03) {
		return " # yes: \"no\""
	}
	return ""
}

func (s *speller) key(key string) string {
	if s.chance(0.95) && isPlain(key) {
		return key
	}
	return quote(key)
}

// isPlain says whether a bare word reads as this very string.
func isPlain(text string) bool {
	if text == "" || text == "<<" || text == "=" {
		return false
	}
	for _, r := range text {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_./-", r)) {
			return false
		}
	}
	if text[0] == '-' {
		return false
	}
	var v any
	return yaml.Unmarshal([]byte(text), &v) == nil && v == text
}

// quote uses double quotes, whose escapes are the same in JSON and YAML.
func quote(text string) string { return string(writeJSON(text)) }

func (s *speller) text(text string, indent int) string {
	if s.chance(0.6) && isPlain(text) {
		return text + s.comment()
	}
	if s.chance(0.7) && indent > 0 {
		if literal, ok := literalBlock(text, indent); ok {
			return literal
		}
	}
	if s.chance(0.4) && !strings.ContainsAny(text, "\n\t\u0085") {
		return "'" + strings.ReplaceAll(text, "'", "''") + "'" + s.comment()
	}
	return quote(text)
}

// literalBlock writes lines under "|". Those with blanks at their ends or other
// oddities are left to quotes.
func literalBlock(text string, indent int) (string, bool) {
	body := strings.TrimRight(text, "\n")
	ends := len(text) - len(body)
	if body == "" || !strings.Contains(text, "\n") || strings.ContainsAny(text, "\t\r\u0085") {
		return "", false
	}
	chomp := map[int]string{0: "-", 1: ""}[ends]
	if ends > 1 {
		chomp = "+"
	}
	pad := strings.Repeat(" ", indent)
	lines := strings.Split(body, "\n")
	for i, line := range lines {
		if line != strings.TrimSpace(line) {
			return "", false
		}
		if line != "" {
			lines[i] = pad + line
		}
	}
	return "|" + chomp + "\n" + strings.Join(lines, "\n") + strings.Repeat("\n", max(0, ends-1)), true
}

func (s *speller) scalar(v any) string {
	switch v := v.(type) {
	case nil:
		if s.plain {
			return "null"
		}
		return s.g.pick("null", "~", "Null", "NULL", "")
	case bool:
		if s.plain {
			return strconv.FormatBool(v)
		}
		if v {
			return s.g.pick("true", "yes", "on", "True", "TRUE", "On", "y", "Y", "Yes")
		}
		return s.g.pick("false", "no", "off", "False", "FALSE", "Off", "n", "N", "No")
	case json.Number:
		i, err := v.Int64()
		if err != nil || s.plain || i < 0 || !s.g.chance(0.4) {
			return v.String()
		}
		switch s.g.IntN(6) {
		case 0:
			return "0" + strconv.FormatInt(i, 8)
		case 1:
			return "0o" + strconv.FormatInt(i, 8)
		case 2:
			return "0x" + strings.ToUpper(strconv.FormatInt(i, 16))
		case 3:
			return "+" + v.String()
		case 4:
			if i >= 1000 {
				return fmt.Sprintf("%d_%03d", i/1000, i%1000)
			}
		case 5:
			if i%10 == 0 && i > 0 {
				return fmt.Sprintf("%de1", i/10)
			}
		}
		return v.String()
	}
	panic(fmt.Sprintf("no YAML for %T", v))
}

// flow writes a value on one line.
func (s *speller) flow(v any) string {
	switch v := v.(type) {
	case map[string]any:
		var entries []string
		for _, key := range sortedKeys(v) {
			entries = append(entries, s.key(key)+": "+s.flow(v[key]))
		}
		return "{" + strings.Join(entries, ", ") + "}"
	case []any:
		var items []string
		for _, item := range v {
			items = append(items, s.flow(item))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case string:
		if s.chance(0.5) && isPlain(v) {
			return v
		}
		return quote(v)
	case nil:
		return "null"
	}
	return s.scalar(v)
}
