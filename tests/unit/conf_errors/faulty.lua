-- required by require_fault.lua
host "h" {
	"192.0.2.1",
	site = 5,
}
