// Checks manifests against the types of one version of Kubernetes.
package main

import (
	admissionregistration "k8s.io/api/admissionregistration/v1"
	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	coordination "k8s.io/api/coordination/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	rbac "k8s.io/api/rbac/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"scc.poc/dev/manifests/decode"
)

// The kinds of Kubernetes that the chart may render.
var kinds = []func(*runtime.Scheme) error{
	admissionregistration.AddToScheme,
	apps.AddToScheme,
	batch.AddToScheme,
	coordination.AddToScheme,
	core.AddToScheme,
	networking.AddToScheme,
	policy.AddToScheme,
	rbac.AddToScheme,
	apiextensions.AddToScheme,
}

func main() {
	decode.Run(kinds)
}
