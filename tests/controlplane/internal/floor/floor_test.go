package floor

import (
	"io"
	"strings"
	"testing"
)

func TestObjectPath(t *testing.T) {
	for object, want := range map[string]string{
		"Deployment/shop/web": "/apis/apps/v1/namespaces/shop/deployments/web",
		"services/shop/web":   "/api/v1/namespaces/shop/services/web",
		"configmap/shop/web":  "/api/v1/namespaces/shop/configmaps/web",
		"Namespace//shop":     "/api/v1/namespaces/shop",
	} {
		if got, err := objectPath(object); err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", object, got, err, want)
		}
	}
	for _, object := range []string{"", "Deployment/web", "Pod/shop/web", "Deployment/shop/"} {
		if path, err := objectPath(object); err == nil {
			t.Errorf("%q: no error but %s", object, path)
		}
	}
}

func TestContinueTokenReadsAll(t *testing.T) {
	const items = `"items":[{"metadata":{"continue":"no"}}]}`
	for list, want := range map[string]string{
		`{"kind":"ConfigMapList","apiVersion":"v1","metadata":{"resourceVersion":"7","continue":"next"},` + items: "next",
		`{"kind":"ConfigMapList","apiVersion":"v1","metadata":{"resourceVersion":"7"},` + items:                   "",
	} {
		body := strings.NewReader(list)
		got, err := continueToken(body)
		if err != nil || got != want {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
		if rest, _ := io.ReadAll(body); len(rest) > 0 {
			t.Errorf("left unread: %s", rest)
		}
	}
	if _, err := continueToken(strings.NewReader("{}")); err == nil {
		t.Error("no error for a list without metadata")
	}
}
