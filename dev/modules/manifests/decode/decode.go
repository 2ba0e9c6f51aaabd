// Package decode decodes Kubernetes objects as an API server does that is told to be strict.
package decode

import (
	"bufio"
	"fmt"
	"os"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
)

const longestLine = 16 << 20

// Run reads objects of these kinds from the standard input, one as JSON a line, and prints a line for each that an API
// server would refuse: an unknown kind, an unknown or a repeated field, a value of another type.
func Run(kinds []func(*runtime.Scheme) error) {
	scheme := runtime.NewScheme()
	for _, add := range kinds {
		utilruntime.Must(add(scheme))
	}
	strict := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme, json.SerializerOptions{Strict: true})
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, longestLine)
	for lines.Scan() {
		if _, _, err := strict.Decode(lines.Bytes(), nil, nil); err != nil {
			fmt.Println(err)
		}
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}
