package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"sync"

	"sigs.k8s.io/yaml"
)

// server is the API server under test. It is also the judge's only witness.
type server struct {
	client *http.Client
	url    string
	token  string
}

func connect(kubeconfig string) (*server, error) {
	text, err := os.ReadFile(kubeconfig)
	if err != nil {
		return nil, err
	}
	var config struct {
		Clusters []struct {
			Cluster struct {
				Server string
				CA     string `json:"certificate-authority-data"`
			}
		}
		Users []struct {
			User struct{ Token string }
		}
	}
	if err := yaml.Unmarshal(text, &config); err != nil {
		return nil, err
	}
	if len(config.Clusters) != 1 || len(config.Users) != 1 {
		return nil, fmt.Errorf("%s: one cluster and one user are expected", kubeconfig)
	}
	ca, err := base64.StdEncoding.DecodeString(config.Clusters[0].Cluster.CA)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	transport := &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: roots},
		MaxIdleConnsPerHost: writers,
	}
	return &server{
		client: &http.Client{Transport: transport},
		url:    config.Clusters[0].Cluster.Server,
		token:  config.Users[0].User.Token,
	}, nil
}

// answer is what the server said to one request.
type answer struct {
	status int
	body   []byte
}

func (a answer) accepted() bool { return a.status < 300 }

// reason is the refusal in the server's words.
func (a answer) reason() string {
	var status struct{ Message string }
	if json.Unmarshal(a.body, &status) != nil || status.Message == "" {
		return string(a.body)
	}
	return status.Message
}

func (s *server) do(method, path, contentType string, body []byte) (answer, error) {
	request, err := http.NewRequest(method, s.url+path, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Authorization", "Bearer "+s.token)
	request.Header.Set("User-Agent", "oracle")
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := s.client.Do(request)
	if errors.Is(err, io.EOF) && method != "GET" {
		// Some writes make the server itself panic, which ends the connection.
		return answer{http.StatusInternalServerError, []byte("the server broke off")}, nil
	}
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{}, err
	}
	text = withoutEmptyTime(text)
	// An address or port that is taken is an internal error to some servers, and so is a patch that they cannot follow.
	taken := bytes.Contains(text, []byte("failed to allocate")) || bytes.Contains(text, []byte("duplicate nodePort"))
	internal := taken || method == "PATCH"
	if response.StatusCode >= 500 && !internal {
		return answer{}, fmt.Errorf("%s %s: %d %s", method, path, response.StatusCode, text)
	}
	return answer{response.StatusCode, text}, nil
}

func (s *server) get(path string) ([]byte, error) {
	a, err := s.do("GET", path, "", nil)
	if err != nil {
		return nil, err
	}
	if !a.accepted() {
		return nil, fmt.Errorf("GET %s: %s", path, a.reason())
	}
	return a.body, nil
}

// minor is the minor version of Kubernetes 1 that the server is.
func (s *server) minor() (int, error) {
	body, err := s.get("/version")
	if err != nil {
		return 0, err
	}
	var version struct{ Minor string }
	if err := json.Unmarshal(body, &version); err != nil {
		return 0, err
	}
	return strconv.Atoi(version.Minor)
}

// list gives the objects of a kind in a namespace, by name.
func (s *server) list(k *kindSchema, namespace string) (map[string]map[string]any, error) {
	body, err := s.get(k.collection(namespace))
	if err != nil {
		return nil, err
	}
	parsed, err := parseJSON(body)
	if err != nil {
		return nil, err
	}
	objects := map[string]map[string]any{}
	for _, item := range asList(asMap(parsed)["items"]) {
		object := asMap(item)
		object["apiVersion"], object["kind"] = k.apiVersion, k.kind
		objects[asString(asMap(object["metadata"])["name"])] = object
	}
	return objects, nil
}

func (k *kindSchema) collection(namespace string) string {
	prefix := "/apis/" + k.apiVersion
	if k.apiVersion == "v1" {
		prefix = "/api/v1"
	}
	if k.namespaced {
		prefix += "/namespaces/" + namespace
	}
	return prefix + "/" + k.resource
}

// writers is how many requests are under way at once.
const writers = 4

// inParallel calls do for 0 to n-1, with so many at once as there are writers.
// Which call comes when is left open, so what do works out must not depend on it.
func inParallel(n int, do func(i int) error) error {
	next := make(chan int)
	var group sync.WaitGroup
	var mutex sync.Mutex
	var failure error
	for range writers {
		group.Add(1)
		go func() {
			defer group.Done()
			for i := range next {
				if err := do(i); err != nil {
					mutex.Lock()
					failure = err
					mutex.Unlock()
				}
			}
		}()
	}
	for i := range n {
		next <- i
	}
	close(next)
	group.Wait()
	return failure
}

var emptyTime = regexp.MustCompile(`\s*"creationTimestamp":\s*null\s*,|,?\s*"creationTimestamp":\s*null`)

// withoutEmptyTime drops the creationTimestamp without a value that templates have up to 1.33.
func withoutEmptyTime(text []byte) []byte { return emptyTime.ReplaceAll(text, nil) }
