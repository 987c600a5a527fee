package serve

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	_ "k8s.io/component-base/logs/json/register"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"

	"gitops-drift/tests/controlplane/internal/lifetime"
)

// anyPort is for etcd's peers, of which there are none.
var anyPort = url.URL{Scheme: "http", Host: "127.0.0.1:0"}

// start runs etcd and kube-apiserver: in this process, or from the folder that
// $KUBEBUILDER_ASSETS names. fail gets the reason if one of them ends.
func (p *plane) start(ctx context.Context, fail context.CancelCauseFunc, log *os.File) error {
	if assets := os.Getenv("KUBEBUILDER_ASSETS"); assets != "" {
		return p.startPrograms(ctx, fail, assets, log)
	}
	return p.startInProcess(fail)
}

func (p *plane) startInProcess(fail context.CancelCauseFunc) error {
	c := embed.NewConfig()
	c.Dir = p.file("etcd")
	c.LogLevel = "warn"
	c.UnsafeNoFsync = true
	c.SocketOpts.ReusePort = true
	c.ListenClientUrls = []url.URL{p.etcdURL}
	c.AdvertiseClientUrls = c.ListenClientUrls
	c.ListenPeerUrls = []url.URL{anyPort}
	c.AdvertisePeerUrls = c.ListenPeerUrls
	c.InitialCluster = c.InitialClusterFromName(c.Name)
	etcd, err := embed.StartEtcd(c)
	if err != nil {
		return fmt.Errorf("etcd: %w", err)
	}
	go func() { fail(ended("etcd", <-etcd.Err())) }()
	go func() {
		<-etcd.Server.ReadyNotify()
		command := app.NewAPIServerCommand()
		command.SetArgs(p.args)
		fail(ended("kube-apiserver", command.Execute()))
	}()
	return nil
}

func (p *plane) startPrograms(ctx context.Context, fail context.CancelCauseFunc, assets string, log *os.File) error {
	start := func(name string, args ...string) error {
		program := exec.Command(filepath.Join(assets, name), args...)
		program.Stdout, program.Stderr = log, log
		program.SysProcAttr = lifetime.Child()
		if err := program.Start(); err != nil {
			return fmt.Errorf("$KUBEBUILDER_ASSETS: %w", err)
		}
		p.programs = append(p.programs, program)
		go func() { fail(ended(name, program.Wait())) }()
		return nil
	}

	err := start("etcd",
		"--data-dir="+p.file("etcd"),
		"--log-level=warn",
		"--unsafe-no-fsync",
		"--socket-reuse-port",
		"--listen-client-urls="+p.etcdURL.String(),
		"--advertise-client-urls="+p.etcdURL.String(),
		"--listen-peer-urls="+anyPort.String(),
		"--initial-advertise-peer-urls="+anyPort.String(),
		"--initial-cluster=default="+anyPort.String(),
	)
	if err != nil {
		return err
	}
	if err := p.waitForEtcd(ctx); err != nil {
		return err
	}
	return start("kube-apiserver", p.args...)
}

func (p *plane) kill() {
	for _, program := range p.programs {
		program.Process.Kill()
	}
}

// waitForEtcd is there because kube-apiserver gives up soon without etcd.
func (p *plane) waitForEtcd(ctx context.Context) error {
	return poll(ctx, func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.etcdURL.JoinPath("health").String(), nil)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return fmt.Errorf("etcd: %w", err)
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("etcd: %s", response.Status)
		}
		return nil
	})
}

// startTimeout is generous: several control planes may start at once on a small
// machine.
const startTimeout = 2 * time.Minute

// poll tries until it works. It gives the last error when the time is over.
func poll(ctx context.Context, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func ended(name string, err error) error {
	if err == nil {
		err = errors.New("ended by itself")
	}
	return fmt.Errorf("%s: %w", name, err)
}
