// Package floor measures the least time in which a client can fetch objects
// from a server: sequential requests over one connection, the bodies read and
// dropped. It is the yardstick of benchmarks.
package floor

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

const pageSize = "500"

// resource is where a kind is found.
type resource struct {
	kind       string
	prefix     string
	plural     string
	namespaced bool
}

var resources = []resource{
	{"deployment", "/apis/apps/v1", "deployments", true},
	{"service", "/api/v1", "services", true},
	{"configmap", "/api/v1", "configmaps", true},
	{"namespace", "/api/v1", "namespaces", false},
}

// path is that of one object, or of all if name is empty, in one namespace or,
// if that is empty, in all.
func (r resource) path(namespace, name string) string {
	path := r.prefix
	if r.namespaced && namespace != "" {
		path += "/namespaces/" + namespace
	}
	path += "/" + r.plural
	if name != "" {
		path += "/" + name
	}
	return path
}

// Command runs `controlplane floor`.
func Command(args []string) error {
	var kubeconfig, namespaces, getsFile string
	var gets []string
	fs := flag.NewFlagSet("floor", flag.ExitOnError)
	fs.StringVar(&kubeconfig, "kubeconfig", "", "kubeconfig `file`")
	fs.StringVar(&namespaces, "namespaces", "", "list in these `namespaces`, joined by commas, instead of in all at once")
	fs.Func("get", "GET this `KIND/NAMESPACE/NAME` instead of listing; may be repeated", func(object string) error {
		gets = append(gets, object)
		return nil
	})
	fs.StringVar(&getsFile, "gets-file", "", "GET what this `file` names, one KIND/NAMESPACE/NAME per line")
	fs.Parse(args)
	if kubeconfig == "" || fs.NArg() > 0 {
		return fmt.Errorf("usage: controlplane floor --kubeconfig FILE [options], see controlplane floor --help")
	}
	if getsFile != "" {
		content, err := os.ReadFile(getsFile)
		if err != nil {
			return err
		}
		gets = append(gets, strings.Fields(string(content))...)
	}

	var paths []string
	for _, object := range gets {
		path, err := objectPath(object)
		if err != nil {
			return err
		}
		paths = append(paths, path)
	}
	m, err := newMeter(kubeconfig)
	if err != nil {
		return err
	}
	start := time.Now()
	if len(paths) > 0 {
		err = m.getAll(paths)
	} else {
		err = m.listAll(strings.Split(namespaces, ","))
	}
	if err != nil {
		return err
	}
	m.Seconds = time.Since(start).Seconds()
	return json.NewEncoder(os.Stdout).Encode(m)
}

// objectPath translates KIND/NAMESPACE/NAME. The kind may be any of deployment,
// Deployment and deployments; the namespace of a Namespace is empty.
func objectPath(object string) (string, error) {
	parts := strings.Split(object, "/")
	if len(parts) != 3 || parts[2] == "" {
		return "", fmt.Errorf("%q is not KIND/NAMESPACE/NAME", object)
	}
	kind := strings.TrimSuffix(strings.ToLower(parts[0]), "s")
	i := slices.IndexFunc(resources, func(r resource) bool { return r.kind == kind })
	if i < 0 {
		return "", fmt.Errorf("%q: unknown kind", object)
	}
	return resources[i].path(parts[1], parts[2]), nil
}

// meter counts what it fetches.
type meter struct {
	client *http.Client
	server string

	Seconds     float64 `json:"seconds"`
	Bytes       int64   `json:"bytes"`
	Requests    int     `json:"requests"`
	Connections int     `json:"connections"`
}

func newMeter(kubeconfig string) (*meter, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	config.DisableCompression = true // on loopback it costs more than it saves
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	return &meter{client: client, server: strings.TrimSuffix(config.Host, "/")}, nil
}

func (m *meter) getAll(paths []string) error {
	for _, path := range paths {
		if err := m.fetch(path, drop); err != nil {
			return err
		}
	}
	return nil
}

func (m *meter) listAll(namespaces []string) error {
	for _, r := range resources {
		if !r.namespaced {
			if err := m.list(r.path("", "")); err != nil {
				return err
			}
			continue
		}
		for _, namespace := range namespaces {
			if err := m.list(r.path(namespace, "")); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *meter) list(path string) error {
	query := url.Values{"limit": {pageSize}}
	for {
		var token string
		err := m.fetch(path+"?"+query.Encode(), func(body io.Reader) (err error) {
			token, err = continueToken(body)
			return err
		})
		if err != nil || token == "" {
			return err
		}
		query.Set("continue", token)
	}
}

// fetch hands the body of the answer to read, which must read all of it.
func (m *meter) fetch(path string, read func(io.Reader) error) error {
	request, err := http.NewRequest(http.MethodGet, m.server+path, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", "application/json")
	request = request.WithContext(httptrace.WithClientTrace(request.Context(), &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			if !info.Reused {
				m.Connections++
			}
		},
	}))
	response, err := m.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", path, response.Status)
	}
	m.Requests++
	return read(&countingReader{response.Body, &m.Bytes})
}

func drop(body io.Reader) error {
	_, err := io.Copy(io.Discard, body)
	return err
}

// continueToken reads a list up to its metadata, which the server writes before
// the items, and drops the rest.
func continueToken(body io.Reader) (string, error) {
	decoder := json.NewDecoder(body)
	for {
		token, err := decoder.Token()
		if err != nil {
			return "", fmt.Errorf("list without metadata: %w", err)
		}
		if token == "metadata" {
			break
		}
	}
	var metadata struct {
		Continue string `json:"continue"`
	}
	if err := decoder.Decode(&metadata); err != nil {
		return "", err
	}
	return metadata.Continue, drop(body)
}

type countingReader struct {
	io.Reader
	total *int64
}

func (r *countingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	*r.total += int64(n)
	return n, err
}
