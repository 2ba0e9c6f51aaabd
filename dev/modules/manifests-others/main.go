// Checks manifests against the types of OpenShift, of the Prometheus operator and of cert-manager.
package main

import (
	certmanager "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	route "github.com/openshift/api/route/v1"
	security "github.com/openshift/api/security/v1"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"scc.poc/dev/manifests/decode"
)

// The kinds of others that the chart may render.
var kinds = []func(*runtime.Scheme) error{
	route.Install,
	security.Install,
	monitoring.AddToScheme,
	certmanager.AddToScheme,
}

func main() {
	decode.Run(kinds)
}
