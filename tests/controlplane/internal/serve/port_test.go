package serve

import (
	"context"
	"fmt"
	"net"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestReservedPort(t *testing.T) {
	port, err := reservePort()
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", port)

	if l, err := net.Listen("tcp", address); err == nil {
		l.Close()
		t.Error("a server that does not share the port could listen on it")
	}
	if c, err := net.Dial("tcp", address); err == nil {
		c.Close()
		t.Error("somebody answers before there is a server")
	}
	sharing := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) {
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		})
	}}
	l, err := sharing.Listen(context.Background(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	// Were the reservation listening as well, some connections would go to it.
	for range 20 {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := l.Accept(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPortsAreReservedOnce(t *testing.T) {
	seen := map[int]bool{}
	for range 200 {
		port, err := reservePort()
		if err != nil {
			t.Fatal(err)
		}
		if seen[port] {
			t.Fatalf("port %d is reserved twice", port)
		}
		seen[port] = true
	}
}
