package serve

import (
	"context"
	"fmt"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// grants are the rights of users on the kinds that gitops-drift knows, in all
// namespaces.
var grants = map[string][]string{
	"reader": {"get", "list"},
	"writer": {"get", "list", "create", "update"},
}

// makeReady waits for the server, makes the grants and waits until they hold.
func (p *plane) makeReady(ctx context.Context) error {
	client, err := kubernetes.NewForConfig(&rest.Config{
		Host:            p.url,
		BearerToken:     p.adminToken,
		TLSClientConfig: rest.TLSClientConfig{CAData: p.caPEM},
		QPS:             -1,
	})
	if err != nil {
		return err
	}
	err = poll(ctx, func(ctx context.Context) error {
		if err := client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error(); err != nil {
			return fmt.Errorf("kube-apiserver is not ready: %w", err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for user, verbs := range grants {
		if err := grant(ctx, client, user, verbs); err != nil {
			return err
		}
	}
	// The authorizer and the namespaces come into being a little later.
	return poll(ctx, func(ctx context.Context) error {
		for user, verbs := range grants {
			if err := checkGranted(ctx, client, user, verbs); err != nil {
				return err
			}
		}
		_, err := client.CoreV1().Namespaces().Get(ctx, metav1.NamespaceDefault, metav1.GetOptions{})
		return err
	})
}

func grant(ctx context.Context, client kubernetes.Interface, user string, verbs []string) error {
	meta := metav1.ObjectMeta{Name: "controlplane:" + user}
	_, err := client.RbacV1().ClusterRoles().Create(ctx, &rbacv1.ClusterRole{
		ObjectMeta: meta,
		Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{"apps"}, Resources: []string{"deployments"}, Verbs: verbs},
			{APIGroups: []string{""}, Resources: []string{"services", "configmaps", "namespaces"}, Verbs: verbs},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	_, err = client.RbacV1().ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: meta,
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: meta.Name},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
	}, metav1.CreateOptions{})
	return err
}

// checkGranted asks as admin, so that the audit log has no request of the user
// which the user did not send.
func checkGranted(ctx context.Context, client kubernetes.Interface, user string, verbs []string) error {
	review, err := client.AuthorizationV1().SubjectAccessReviews().Create(ctx, &authorizationv1.SubjectAccessReview{
		Spec: authorizationv1.SubjectAccessReviewSpec{
			User:               user,
			ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: verbs[0], Resource: "namespaces"},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	if !review.Status.Allowed {
		return fmt.Errorf("user %s may not %s namespaces: %s", user, verbs[0], review.Status.Reason)
	}
	return nil
}
