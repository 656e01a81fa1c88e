package weightedrandom_test

import (
	"fmt"

	"github.com/rosterdns/roster/registrar/grpcresolver/weightedrandom"
)

// A service config for grpc.WithDefaultServiceConfig. Instances that fail get no requests
// for some time; that needs the import of google.golang.org/grpc/xds.
func Example() {
	fmt.Printf(`{"loadBalancingConfig":[{"outlier_detection_experimental":{"childPolicy":[{%q:{}}]}}]}`, weightedrandom.Name)
	// Output: {"loadBalancingConfig":[{"outlier_detection_experimental":{"childPolicy":[{"roster_weighted_random":{}}]}}]}
}
