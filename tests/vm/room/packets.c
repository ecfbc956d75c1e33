/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Datagrams with sequence numbers over a network interface, counted at both ends; nothing is ever sent twice.
 *
 *	packets echo PORT
 *	packets send ADDRESS PORT COUNT WINDOW
 *
 * The sender keeps WINDOW datagrams under way, so that no socket's buffer is the one to lose them. Each is filled with
 *a pattern of its number, and what comes back is compared whole. Both ends end with one line: what they saw.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST     100000u
#define LEAST    64u
#define LONGEST  1400u
#define GIVEN_UP 30000 /* ms without a word: what is still out is lost */
#define LAST     UINT32_MAX

struct tally {
	uint8_t seen[MOST];
	uint32_t good, twice, out_of_order, damaged;
	uint32_t next;
};

static void die(const char *what)
{
	fprintf(stderr, "packets: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Lengths go through all residues of what hardware cuts packets by. */
static size_t fill(uint8_t *packet, uint32_t number)
{
	size_t length = LEAST + number * 61u % (LONGEST - LEAST);

	for (int i = 0; i < 4; i++)
		packet[i] = (uint8_t)(number >> 8 * i);
	for (size_t i = 4; i < length; i++)
		packet[i] = (uint8_t)(number * 7u + i * 13u + (i >> 8));
	return length;
}

static uint32_t number_of(const uint8_t *packet)
{
	return packet[0] | (uint32_t)packet[1] << 8 | (uint32_t)packet[2] << 16 | (uint32_t)packet[3] << 24;
}

static void count(struct tally *tally, const uint8_t *packet, size_t length)
{
	uint8_t right[LONGEST];
	uint32_t number = length >= 4 ? number_of(packet) : LAST;

	if (number >= MOST || fill(right, number) != length || memcmp(right, packet, length) != 0) {
		tally->damaged++;
		return;
	}
	if (tally->seen[number]) {
		tally->twice++;
		return;
	}
	tally->seen[number] = 1;
	tally->good++;
	tally->out_of_order += number < tally->next;
	tally->next = number + 1;
}

static void report(const char *who, const struct tally *tally, double seconds)
{
	printf("%s good=%u damaged=%u twice=%u out_of_order=%u seconds=%.3f\n", who, tally->good, tally->damaged,
	       tally->twice, tally->out_of_order, seconds);
	fflush(stdout);
}

static struct sockaddr_in address(const char *host, const char *port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };

	if (inet_pton(AF_INET, host, &in.sin_addr) != 1) {
		errno = EINVAL;
		die(host);
	}
	return in;
}

/* Until the last one, of which the sender says nothing more than that it is the last. */
static int echo(const char *port)
{
	static struct tally tally;
	struct sockaddr_in here = address("0.0.0.0", port), from;
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	uint8_t packet[2048];
	double began = 0;

	if (s < 0 || bind(s, (struct sockaddr *)&here, sizeof(here)) != 0)
		die("bind");
	puts("ready");
	fflush(stdout);
	for (;;) {
		socklen_t size = sizeof(from);
		ssize_t n = recvfrom(s, packet, sizeof(packet), 0, (struct sockaddr *)&from, &size);

		if (n < 0)
			die("recvfrom");
		if (began == 0)
			began = now();
		if (n == 4 && number_of(packet) == LAST)
			break;
		count(&tally, packet, (size_t)n);
		if (sendto(s, packet, (size_t)n, 0, (struct sockaddr *)&from, size) != n)
			die("sendto");
	}
	report("echo", &tally, now() - began);
	return 0;
}

static void receive(int s, struct tally *tally)
{
	uint8_t packet[2048];
	ssize_t n = recv(s, packet, sizeof(packet), 0);

	if (n < 0)
		die("recv");
	count(tally, packet, (size_t)n);
}

static int send_all(const char *host, const char *port, uint32_t wanted, uint32_t window)
{
	static struct tally tally;
	struct sockaddr_in there = address(host, port);
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	struct pollfd pollfd = { .fd = s, .events = POLLIN };
	static const uint8_t last[4] = { 0xff, 0xff, 0xff, 0xff };
	uint8_t packet[LONGEST];
	uint32_t sent = 0;
	double began = now();

	if (s < 0 || connect(s, (struct sockaddr *)&there, sizeof(there)) != 0)
		die("connect");
	while (tally.good + tally.damaged < wanted) {
		while (sent < wanted && sent - tally.good - tally.damaged < window) {
			size_t length = fill(packet, sent++);

			if (send(s, packet, length, 0) != (ssize_t)length)
				die("send");
		}
		if (poll(&pollfd, 1, GIVEN_UP) != 1)
			break;
		receive(s, &tally);
	}
	printf("sent=%u ", sent);
	report("back", &tally, now() - began);
	/* This one may get lost; the other end is then ended by who started it. */
	return send(s, last, sizeof(last), 0) == sizeof(last) && tally.good == wanted && tally.damaged == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "echo") == 0)
		return echo(argv[2]);
	if (argc == 6 && strcmp(argv[1], "send") == 0 && atoi(argv[4]) > 0 && (uint32_t)atoi(argv[4]) <= MOST)
		return send_all(argv[2], argv[3], (uint32_t)atoi(argv[4]), (uint32_t)atoi(argv[5]));
	fprintf(stderr, "usage: packets echo PORT | packets send ADDRESS PORT COUNT WINDOW\n");
	return 2;
}
