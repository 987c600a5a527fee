package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// server is a control plane of its own.
type server struct {
	folder string
	url    string
	cmd    *exec.Cmd
	stdin  io.Closer // its end ends the server
}

func startServer(binary, folder string) (*server, error) {
	cmd := exec.Command(binary, "serve", "--stdin", "--dir", folder)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ready, _ := bufio.NewReader(stdout).ReadString('\n')
	url, ok := strings.CutPrefix(strings.TrimSpace(ready), "ready ")
	if !ok {
		stdin.Close()
		return nil, fmt.Errorf("the control plane did not start, see %s/server.log", folder)
	}
	return &server{folder, url, cmd, stdin}, nil
}

func (s *server) stop() {
	s.stdin.Close()
	s.cmd.Wait()
}

func (s *server) kubeconfig(user string) string {
	return filepath.Join(s.folder, user+".kubeconfig")
}

// client may do everything.
func (s *server) client() (*http.Client, string, error) {
	ca, err := os.ReadFile(filepath.Join(s.folder, "ca.crt"))
	if err != nil {
		return nil, "", err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	tokens, err := os.ReadFile(filepath.Join(s.folder, "tokens.csv"))
	if err != nil {
		return nil, "", err
	}
	for line := range strings.Lines(string(tokens)) {
		if fields := strings.Split(line, ","); len(fields) > 1 && fields[1] == "admin" {
			transport := &http.Transport{
				TLSClientConfig:     &tls.Config{RootCAs: roots},
				MaxIdleConnsPerHost: writers,
			}
			return &http.Client{Transport: transport}, fields[0], nil
		}
	}
	return nil, "", fmt.Errorf("tokens.csv has no admin")
}

// writers is how many objects are created at a time.
const writers = 16

// create puts the objects into the server, namespaces first.
func (s *server) create(all []object) error {
	client, token, err := s.client()
	if err != nil {
		return err
	}
	post := func(o object) error {
		path := "/api/v1"
		if o.kind == "Deployment" {
			path = "/apis/apps/v1"
		}
		if o.namespace != "" {
			path += "/namespaces/" + o.namespace
		}
		path += "/" + strings.ToLower(o.kind) + "s"
		body, err := o.applied()
		if err != nil {
			return err
		}
		query := url.Values{"fieldManager": {"kubectl-client-side-apply"}}
		request, err := http.NewRequest(http.MethodPost, s.url+path+"?"+query.Encode(), bytes.NewReader(body))
		if err != nil {
			return err
		}
		request.Header.Set("Authorization", "Bearer "+token)
		request.Header.Set("Content-Type", "application/json")
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		answer, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != http.StatusCreated {
			return fmt.Errorf("creating %s: %s %s %w", o.id(), response.Status, answer, err)
		}
		return nil
	}
	parallel := func(some []object) error {
		var next atomic.Int64
		var group sync.WaitGroup
		errs := make(chan error, writers)
		for range writers {
			group.Go(func() {
				for i := next.Add(1) - 1; i < int64(len(some)); i = next.Add(1) - 1 {
					if err := post(some[i]); err != nil {
						errs <- err
						return
					}
				}
			})
		}
		group.Wait()
		close(errs)
		return <-errs
	}
	var spaces, rest []object
	for _, o := range all {
		if o.kind == "Namespace" {
			spaces = append(spaces, o)
		} else {
			rest = append(rest, o)
		}
	}
	if err := parallel(spaces); err != nil {
		return err
	}
	return parallel(rest)
}

// cpu is the time that the server has computed so far.
func (s *server) cpu() time.Duration {
	return cpuOf(s.cmd.Process.Pid)
}

// request is a line of the audit log.
type request struct {
	Verb      string `json:"verb"`
	URI       string `json:"requestURI"`
	UserAgent string `json:"userAgent"`
}

// audit reads what a client has asked since a place in the log.
func (s *server) audit(since int64, userAgent string) ([]request, error) {
	file, err := os.Open(filepath.Join(s.folder, "audit.log"))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if _, err := file.Seek(since, io.SeekStart); err != nil {
		return nil, err
	}
	var found []request
	lines := bufio.NewReader(file)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return found, nil // a line that is being written has no end yet
		}
		var r request
		if err := json.Unmarshal(line, &r); err != nil {
			return nil, err
		}
		if strings.HasPrefix(r.UserAgent, userAgent) {
			found = append(found, r)
		}
	}
}

func (s *server) auditEnd() int64 {
	info, err := os.Stat(filepath.Join(s.folder, "audit.log"))
	if err != nil {
		return 0
	}
	return info.Size()
}

// tap forwards to the server and counts what comes back, as it is on the wire.
type tap struct {
	listener net.Listener
	received atomic.Int64
}

// startTap gives the tap and a kubeconfig that leads through it.
func (s *server) startTap(user string) (*tap, string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	config, err := os.ReadFile(s.kubeconfig(user))
	if err != nil {
		return nil, "", err
	}
	path := filepath.Join(s.folder, "tap.kubeconfig")
	tapped := strings.ReplaceAll(string(config), s.url, "https://"+listener.Addr().String())
	if err := os.WriteFile(path, []byte(tapped), 0o600); err != nil {
		return nil, "", err
	}
	t := &tap{listener: listener}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			upstream, err := net.Dial("tcp", strings.TrimPrefix(s.url, "https://"))
			if err != nil {
				client.Close()
				return
			}
			go func() {
				io.Copy(upstream, client)
				upstream.(*net.TCPConn).CloseWrite()
			}()
			go func() {
				io.Copy(io.MultiWriter(client, counter{&t.received}), upstream)
				client.Close()
			}()
		}
	}()
	return t, path, nil
}

type counter struct{ total *atomic.Int64 }

func (c counter) Write(p []byte) (int, error) {
	c.total.Add(int64(len(p)))
	return len(p), nil
}
