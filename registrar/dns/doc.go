// Package dns is the driver "dns".
package dns
