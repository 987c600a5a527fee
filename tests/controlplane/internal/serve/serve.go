// Package serve runs a Kubernetes control plane for tests: etcd and
// kube-apiserver, on loopback, with a few users of different rights.
package serve

import (
	"context"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"

	"gitops-drift/tests/controlplane/internal/lifetime"
)

type options struct {
	dir                   string
	serviceClusterIPRange string
	extraArgs             []string
	ties                  lifetime.Ties
}

// Command runs `controlplane serve` until it is told to stop.
func Command(args []string) error {
	var o options
	fs := flag.NewFlagSet("serve", flag.ExitOnError)
	fs.StringVar(&o.dir, "dir", "", "`folder` for kubeconfigs, logs and data; what an earlier run left in it is replaced")
	fs.StringVar(&o.serviceClusterIPRange, "service-cluster-ip-range", "10.96.0.0/16", "`CIDR` of service addresses, or two of them, joined by a comma")
	fs.Func("extra-args", "`argument` for kube-apiserver, such as --feature-gates=X=true; may be repeated", func(arg string) error {
		o.extraArgs = append(o.extraArgs, arg)
		return nil
	})
	o.ties.AddFlags(fs)
	fs.Parse(args)
	if o.dir == "" || fs.NArg() > 0 {
		return fmt.Errorf("usage: controlplane serve --dir DIR [options], see controlplane serve --help")
	}
	return run(o)
}

func run(o options) error {
	// Child processes are tied to the thread that starts them.
	runtime.LockOSThread()

	// parts ends with a cause when etcd or kube-apiserver does, ctx also when we
	// are to stop.
	parts, fail := context.WithCancelCause(context.Background())
	defer fail(nil)
	ctx, stop := signal.NotifyContext(parts, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	o.ties.Watch(stop)

	p, err := prepare(o)
	if err != nil {
		return err
	}

	// Everything that etcd and kube-apiserver say goes to the log. A crash of
	// the Go runtime still goes to the real standard error.
	stdout := os.Stdout
	log, err := os.Create(p.file("server.log"))
	if err != nil {
		return err
	}
	os.Stdout, os.Stderr = log, log

	// Nothing of this is kept, so nothing has to be shut down in order.
	defer p.kill()
	err = p.start(ctx, fail, log)
	if err == nil {
		err = p.makeReady(ctx)
	}
	if err == nil {
		err = p.announce(stdout)
	}
	if err == nil || ctx.Err() != nil {
		// Whatever failed because we are to stop, or a part ended, is no reason.
		<-ctx.Done()
		err = context.Cause(parts)
	}
	if err != nil {
		return fmt.Errorf("%w; see %s", err, log.Name())
	}
	return nil
}

// plane is one control plane: where it lives, and how its parts are to run.
type plane struct {
	dir        string
	url        string
	etcdURL    url.URL
	adminToken string
	caPEM      []byte
	args       []string    // of kube-apiserver
	programs   []*exec.Cmd // where the parts are programs of their own
}

func (p *plane) file(name string) string { return filepath.Join(p.dir, name) }

// prepare writes the files that the parts need.
func prepare(o options) (*plane, error) {
	dir, err := filepath.Abs(o.dir)
	if err != nil {
		return nil, err
	}
	p := &plane{dir: dir}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	for _, stale := range []string{"ready", "etcd", "audit.log"} {
		if err := os.RemoveAll(p.file(stale)); err != nil {
			return nil, err
		}
	}

	etcdPort, err := reservePort()
	if err != nil {
		return nil, err
	}
	port, err := reservePort()
	if err != nil {
		return nil, err
	}
	p.etcdURL = url.URL{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", etcdPort)}
	p.url = fmt.Sprintf("https://127.0.0.1:%d", port)

	if err := p.writeKeys(); err != nil {
		return nil, err
	}
	if err := p.writeUsers(); err != nil {
		return nil, err
	}
	if err := os.WriteFile(p.file("audit-policy.yaml"), []byte(auditPolicy), 0o600); err != nil {
		return nil, err
	}
	p.args = append([]string{
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", port),
		"--permit-port-sharing=true", // with the reservation
		"--tls-cert-file=" + p.file("apiserver.crt"),
		"--tls-private-key-file=" + p.file("apiserver.key"),
		"--etcd-servers=" + p.etcdURL.String(),
		"--authorization-mode=RBAC",
		"--token-auth-file=" + p.file("tokens.csv"),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + p.file("service-account.key"),
		"--service-account-signing-key-file=" + p.file("service-account.key"),
		"--service-cluster-ip-range=" + o.serviceClusterIPRange,
		// There is no address under which pods could reach this server.
		"--endpoint-reconciler-type=none",
		"--allow-privileged=true",
		"--audit-policy-file=" + p.file("audit-policy.yaml"),
		"--audit-log-path=" + p.file("audit.log"),
	}, o.extraArgs...)
	return p, nil
}

// auditPolicy records who asked for what and how it ended, once per request.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
`

// announce tells the world that the control plane can be used: on stdout and as
// a file, which appears whole or not at all.
func (p *plane) announce(stdout *os.File) error {
	temporary := p.file(".ready")
	if err := os.WriteFile(temporary, []byte(p.url+"\n"), 0o600); err != nil {
		return err
	}
	if err := os.Rename(temporary, p.file("ready")); err != nil {
		return err
	}
	_, err := fmt.Fprintln(stdout, "ready", p.url)
	return err
}
