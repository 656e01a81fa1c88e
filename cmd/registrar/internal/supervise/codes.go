package supervise

// Exit codes of commands.
const (
	// codeUnknown is that of a command that the kernel tells nothing of, as where SIGCHLD
	// is ignored.
	codeUnknown = 1
	// codeSignal is the base of that of one that a signal ended, as shells have it.
	codeSignal = 128
)
