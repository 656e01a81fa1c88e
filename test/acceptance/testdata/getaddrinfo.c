/* Prints what getaddrinfo finds for a name, one address a line, or the name of its error.
 *
 *	getaddrinfo A|AAAA|ANY NAME
 */
#define _GNU_SOURCE
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static const char *error(int code)
{
	switch (code) {
	case EAI_NONAME: return "EAI_NONAME";
#ifdef EAI_NODATA
	case EAI_NODATA: return "EAI_NODATA";
#endif
	case EAI_AGAIN: return "EAI_AGAIN";
	case EAI_FAIL: return "EAI_FAIL";
	}
	return gai_strerror(code);
}

int main(int argc, char **argv)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *found, *ai;
	char host[128];
	int code;

	if (argc != 3)
		return 2;
	if (!strcmp(argv[1], "A"))
		hints.ai_family = AF_INET;
	if (!strcmp(argv[1], "AAAA"))
		hints.ai_family = AF_INET6;
	code = getaddrinfo(argv[2], NULL, &hints, &found);
	if (code) {
		puts(error(code));
		return 0;
	}
	puts("found");
	for (ai = found; ai; ai = ai->ai_next) {
		if (getnameinfo(ai->ai_addr, ai->ai_addrlen, host, sizeof host, NULL, 0, NI_NUMERICHOST))
			return 1;
		puts(host);
	}
	freeaddrinfo(found);
	return 0;
}
