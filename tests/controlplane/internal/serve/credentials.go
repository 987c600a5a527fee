package serve

import (
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"os"
	"strings"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/client-go/util/cert"
	"k8s.io/client-go/util/keyutil"
)

// users get a token and NAME.kubeconfig each; what they may do besides being
// in a group is said in rbac.go.
var users = []struct{ name, group string }{
	{"admin", "system:masters"},
	{"reader", ""},
	{"writer", ""},
	{"nobody", ""},
}

// writeKeys makes the server's certificate, the CA that signed it, and the key
// that signs the tokens of service accounts.
func (p *plane) writeKeys() error {
	chain, key, err := cert.GenerateSelfSignedCertKey("127.0.0.1", nil, []string{"localhost"})
	if err != nil {
		return err
	}
	_, ca := pem.Decode(chain) // the server's own comes first
	p.caPEM = ca
	serviceAccountKey, err := keyutil.MakeEllipticPrivateKeyPEM()
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		"ca.crt":              ca,
		"apiserver.crt":       chain,
		"apiserver.key":       key,
		"service-account.key": serviceAccountKey,
	} {
		if err := os.WriteFile(p.file(name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// writeUsers makes the users' tokens and kubeconfigs.
func (p *plane) writeUsers() error {
	var tokens strings.Builder
	for _, u := range users {
		token := rand.Text()
		if u.name == "admin" {
			p.adminToken = token
		}
		columns := []string{token, u.name, u.name} // the name is the UID as well
		if u.group != "" {
			columns = append(columns, u.group)
		}
		fmt.Fprintln(&tokens, strings.Join(columns, ","))
		if err := clientcmd.WriteToFile(p.kubeconfig(u.name, token), p.file(u.name+".kubeconfig")); err != nil {
			return err
		}
	}
	return os.WriteFile(p.file("tokens.csv"), []byte(tokens.String()), 0o600)
}

func (p *plane) kubeconfig(user, token string) clientcmdapi.Config {
	const cluster = "controlplane"
	return clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{cluster: {Server: p.url, CertificateAuthorityData: p.caPEM}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{user: {Token: token}},
		Contexts:       map[string]*clientcmdapi.Context{user: {Cluster: cluster, AuthInfo: user}},
		CurrentContext: user,
	}
}
