/* SPDX-License-Identifier: BSD-3-Clause */
/* What travels in a fabric: transaction layer packets (PCIe 6.0, chapter 2), as far as anybody here looks at them. */
#ifndef HOST_FABRIC_TLP_H
#define HOST_FABRIC_TLP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pcg_page_request;

/** TLP_MAX - the most bytes of one packet (PCIe 6.0, 2.2.2: Length is at most 1024 dwords) */
#define TLP_MAX 4096u

/** A routing id: bus 15:8, device 7:3, function 2:0; behind ARI function 7:0 (PCIe 6.0, 2.2.4.2). */
#define TLP_BDF(bus, devfn) ((uint16_t)((unsigned int)(bus) << 8 | (devfn)))

enum tlp_type {
	TLP_MEMORY_READ,
	TLP_MEMORY_WRITE,
	TLP_CONFIG_READ,
	TLP_CONFIG_WRITE,
	TLP_MESSAGE,
	TLP_COMPLETION, /* in error logs: @requester is the completer, @target whose request it answers */
};

/** enum tlp_status - what became of a request. The first four are Completion Status (PCIe 6.0, 2.2.9.1) */
enum tlp_status {
	TLP_SUCCESS = 0,
	TLP_UNSUPPORTED = 1, /* UR */
	TLP_RETRY = 2,       /* RRS: configuration requests alone */
	TLP_ABORTED = 4,     /* CA */
	TLP_LOST = 8,        /* nothing comes back: dropped as malformed, or the link is down */
	TLP_PENDING = 9,     /* on its way */
};

/** enum tlp_at - the AT field (PCIe 6.0, 10.2.1) */
enum tlp_at {
	TLP_UNTRANSLATED = 0,
	TLP_TRANSLATION_REQUEST = 1,
	TLP_TRANSLATED = 2,
};

/** enum tlp_message - message codes (PCIe 6.0, 2.2.8 and 10.4.1) */
enum tlp_message {
	TLP_PAGE_REQUEST = 0x04,
	TLP_PRG_RESPONSE = 0x05,
	TLP_ERR_COR = 0x30,
	TLP_ERR_NONFATAL = 0x31,
	TLP_ERR_FATAL = 0x33,
};

/**
 * struct tlp_pasid - the PASID prefix (PCIe 6.0, 6.20)
 * @present: there is one
 * @execute: Execute Requested
 * @privileged: Privileged Mode Requested
 * @value: 20 bits
 */
struct tlp_pasid {
	bool present;
	bool execute;
	bool privileged;
	uint32_t value;
};

/**
 * struct tlp - one request and what became of it
 * @requester: who asks
 * @target: of configuration requests: whom
 * @message: of messages: enum tlp_message
 * @tag: tells this requester's packets apart; goes into header logs
 * @be: of configuration requests: bytes of the dword
 * @poisoned: EP is set: the payload is not to be trusted (2.7.2)
 * @type1: of configuration requests: its receiver got it as one for a bus further down
 * @malformed: its length is not what its header says: a fault that somebody injected
 * @address: bytes; configuration requests: offset of the dword
 * @length: bytes, 0 to TLP_MAX: of the payload, or asked for; 0 is a zero-length read (2.2.5)
 * @data: the payload or where it goes; NULL: only the way is judged
 * @page: of a Page Request message: what it asks; NULL otherwise
 *
 * A PRG Response (10.4.2) carries in @address what its third dword has below the routing id: Response Code in bits
 * 15:12, Page Request Group Index in 8:0, and in @pasid the PASID; @target is for whom it is.
 */
struct tlp {
	enum tlp_type type;
	enum tlp_at at;
	uint16_t requester;
	uint16_t target;
	uint8_t message;
	uint8_t tag;
	uint8_t be;
	bool poisoned;
	bool malformed;
	bool type1;
	struct tlp_pasid pasid;
	uint64_t address;
	uint32_t length;
	uint8_t *data;
	const struct pcg_page_request *page;
};

/** What @address of a PRG Response holds. */
#define TLP_PRG(code, group)   ((uint64_t)((unsigned int)(code) << 12 | ((group)&0x1ffu)))
#define TLP_PRG_CODE(address)  ((unsigned int)((address) >> 12 & 0xfu))
#define TLP_PRG_GROUP(address) ((unsigned int)((address)&0x1ffu))

/**
 * enum tlp_translation - what a translation completion says beside an address in bits 63:12 (PCIe 6.0, 10.2.3.2)
 *
 * A translation request is a MEMORY_READ of 8 bytes for one translation; its address is a page's, with bit 0 set where
 * no write is meant. Its data is the completion, the most significant byte first. With SIZE the lowest address bit that
 * is clear tells the size: bit 12 for 8 KiB, bit 13 for 16 KiB and so on; without, it is 4 KiB.
 */
enum tlp_translation {
	TLP_TRANSLATION_READ = 0x001,
	TLP_TRANSLATION_WRITE = 0x002,
	TLP_TRANSLATION_UNTRANSLATED = 0x004,
	TLP_TRANSLATION_EXECUTE = 0x008,
	TLP_TRANSLATION_PRIVILEGED = 0x010,
	TLP_TRANSLATION_SIZE = 0x800,
	TLP_TRANSLATION_NO_WRITE = 1, /* of the request's address */
};

#endif
