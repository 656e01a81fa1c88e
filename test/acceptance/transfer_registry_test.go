//go:build acceptance

package acceptance_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// registry is the prefix of all keys.
const registry = "/roster/"

// everyKind are the keys and values of a registry with every kind of service.
func everyKind() map[string]string {
	long := strings.Repeat("l", 63)
	keys := map[string]string{
		"default/plain/a":              `{"addresses":["10.1.0.1","2001:db8::1"],"ports":[{"name":"http","port":8080},{"name":"dns","port":53,"protocol":"udp"},{"port":9000}],"static":true}`,
		"default/plain/b":              `{"addresses":["10.1.0.2"],"ports":[{"name":"http","port":8081}],"weight":7,"priority":3,"tags":["canary"],"locality":"az1","static":true}`,
		"default/noports/a":            `{"addresses":["10.1.0.3"],"static":true}`,
		"default/down/a":               `{"addresses":["10.2.0.1"],"ports":[{"name":"http","port":8080}],"status":"down","static":true}`,
		"default/down/b":               `{"addresses":["10.2.0.2"],"status":"draining","static":true}`,
		"default/overridden/a":         `{"addresses":["10.2.0.3"],"static":true}`,
		"default/overridden/b":         `{"addresses":["10.2.0.4"],"static":true}`,
		"default/host/a":               `{"host":"db1.example.com","ports":[{"name":"postgresql","port":5432}],"static":true}`,
		"default/hosts/a":              `{"host":"db1.example.com","ports":[{"name":"postgresql","port":5432}],"static":true}`,
		"default/hosts/b":              `{"host":"db2.example.com","ports":[{"name":"postgresql","port":5432}],"static":true}`,
		"default/hosts/c":              `{"addresses":["10.1.0.4"],"ports":[{"name":"postgresql","port":5432}],"static":true}`,
		"default/open/a":               `{"addresses":["10.3.0.1"],"status":"down","static":true}`,
		"default/short/a":              `{"addresses":["10.4.0.1"],"ttl":1,"static":true}`,
		"default/short/b":              `{"addresses":["10.4.0.2"],"ttl":60,"static":true}`,
		"default/tls/a":                `{"addresses":["10.6.0.1"],"ports":[{"name":"https","port":8443}],"metadata":{"alpn":"h2,h3"},"static":true}`,
		"default/tls/b":                `{"host":"cdn.example.com","ports":[{"name":"https","port":443}],"metadata":{"alpn":"http/1.1"},"static":true}`,
		"default/text/a":               `{"addresses":["10.1.0.5"],"metadata":{"quote":"\"; \\ $ORIGIN","latin":"grün","empty":"","z":"` + strings.Repeat("x", 250) + `"},"static":true}`,
		"default/shared/a":             `{"addresses":["10.1.0.1"],"static":true}`,
		"shop/plain/a":                 `{"addresses":["10.1.0.6"],"ports":[{"name":"http","port":8080}],"static":true}`,
		"xn--mnchen-3ya/0/1":           `{"addresses":["10.1.0.7"],"ports":[{"name":"a1","port":1}],"static":true}`,
		long + "/" + long + "/a":       `{"addresses":["10.1.0.8"],"ports":[{"name":"http","port":8080}],"static":true}`,
		long + "/" + long + "/" + long: `{"addresses":["10.1.0.9"],"ports":[{"name":"abcdefghijklmno","port":8080}],"static":true}`,

		"default/overridden/_status/a": `{"status":"draining","reason":"test"}`,
		"default/open/_policy":         `{"min_up":1}`,
		"default/alias/_policy":        `{"alias":"default/plain"}`,
		"default/alias/own":            `{"addresses":["10.1.0.10"],"ports":[{"name":"http","port":8080}],"static":true}`,
		"default/nobody/_policy":       `{"alias":"default/absent"}`,
		"default/failover/_policy":     `{"failover":["default/absent","default/plain"]}`,
		"default/many/_policy":         `{"max_answers":3,"ttl":5}`,
	}
	for i := range 20 {
		keys[fmt.Sprintf("default/many/i%d", i+1)] = fmt.Sprintf(`{"addresses":["10.5.0.%d"],"ports":[{"name":"http","port":8080}],"static":true}`, i+1)
	}
	return keys
}

// changeAtRandom makes n changes of all kinds, one after the other, and returns the
// last revision. Each changes a key.
func (p *primary) changeAtRandom(t *testing.T, n int) int64 {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var revision int64
	for changed := 0; changed < n; {
		before := revision
		service := fmt.Sprintf("default/s%d/", random.IntN(20))
		id := fmt.Sprintf("i%d", random.IntN(8))
		switch random.IntN(20) {
		case 0, 1, 2, 3:
			revision = p.remove(t, service+id)
		case 4:
			revision = p.put(t, service+"_status/"+id, `{"status":"down","reason":"test"}`)
		case 5, 6:
			revision = p.remove(t, service+"_status/"+id)
		case 7:
			revision = p.put(t, service+"_policy", randomPolicy(random))
		case 8:
			revision = p.remove(t, service+"_policy")
		default:
			revision = p.put(t, service+id, randomInstance(random))
		}
		if revision > before {
			changed++
		}
	}
	return revision
}

func randomPolicy(random *rand.Rand) string {
	return []string{
		`{"ttl":7}`,
		`{"min_up":2}`,
		`{"max_answers":1}`,
		fmt.Sprintf(`{"alias":"default/s%d"}`, random.IntN(20)),
		fmt.Sprintf(`{"failover":["default/s%d","default/plain"]}`, random.IntN(20)),
	}[random.IntN(5)]
}

func randomInstance(random *rand.Rand) string {
	if random.IntN(10) == 0 {
		return fmt.Sprintf(`{"host":"db%d.example.com","ports":[{"name":"http","port":8080}],"static":true}`, random.IntN(3))
	}
	addresses := fmt.Sprintf(`"10.8.%d.%d"`, random.IntN(4), 1+random.IntN(200))
	if random.IntN(3) == 0 {
		addresses += fmt.Sprintf(`,"2001:db8::%x"`, 1+random.IntN(1000))
	}
	metadata := []string{`{}`, `{"alpn":"h2"}`, `{"version":"1.2.3","note":"\"a\" \\ b"}`}[random.IntN(3)]
	status := []string{"up", "up", "up", "draining", "down"}[random.IntN(5)]
	port := []string{"http", "https", "grpc"}[random.IntN(3)]
	return fmt.Sprintf(`{"addresses":[%s],"ports":[{"name":%q,"port":%d}],"weight":%d,"priority":%d,"ttl":%d,"metadata":%s,"status":%q,"static":true}`,
		addresses, port, 8000+random.IntN(4), 1+random.IntN(200), random.IntN(2), random.IntN(10), metadata, status)
}
