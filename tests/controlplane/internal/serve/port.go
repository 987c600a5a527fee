package serve

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// reservePort finds a free loopback port and keeps it free until this process
// ends: it binds the port without listening on it. With SO_REUSEPORT on both
// sides, a server of the same user can still listen there, while the kernel
// gives the port to nobody who asks for any port.
func reservePort() (int, error) {
	port, err := bindAnyPort()
	if err != nil {
		return 0, fmt.Errorf("reserve a port: %w", err)
	}
	return port, nil
}

func bindAnyPort() (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		return 0, err
	}
	unix.CloseOnExec(fd)
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		return 0, err
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return 0, err
	}
	address, err := unix.Getsockname(fd)
	if err != nil {
		return 0, err
	}
	return address.(*unix.SockaddrInet4).Port, nil
}
