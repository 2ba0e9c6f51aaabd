// Checks manifests against the types of OpenShift and of the Prometheus operator.
package main

import (
	route "github.com/openshift/api/route/v1"
	security "github.com/openshift/api/security/v1"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"scc.poc/dev/manifests/decode"
)

// The kinds of OpenShift and of the Prometheus operator that the chart may render.
var kinds = []func(*runtime.Scheme) error{
	route.Install,
	security.Install,
	monitoring.AddToScheme,
}

func main() {
	decode.Run(kinds)
}
