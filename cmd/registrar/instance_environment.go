package main

import (
	"strconv"
	"strings"

	"github.com/rosterdns/roster/registrar"
)

// instanceEnvironment returns the variables that tell a command of an instance. What isn't
// known is left out.
func instanceEnvironment(name registrar.ServiceName, in *registrar.Instance) []string {
	var env []string
	set := func(variable, value string) {
		if value != "" {
			env = append(env, "ROSTER_"+variable+"="+value)
		}
	}
	set("NAMESPACE", name.Namespace)
	set("SERVICE", name.Service)
	set("INSTANCE", in.ID)
	set("LOCALITY", in.Locality)
	addresses := make([]string, len(in.Addresses))
	for i, a := range in.Addresses {
		addresses[i] = a.String()
	}
	if len(addresses) > 0 {
		set("ADDRESS", addresses[0])
	}
	set("ADDRESSES", strings.Join(addresses, ","))
	set("HOST", in.Host)
	for i, p := range in.Ports {
		number := strconv.Itoa(int(p.Port))
		if i == 0 {
			set("PORT", number)
		}
		if p.Name != "" {
			set("PORT_"+strings.ToUpper(strings.ReplaceAll(p.Name, "-", "_")), number)
		}
	}
	return env
}
