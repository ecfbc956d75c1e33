/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PCIGATE_VIEW_H
#define PCIGATE_VIEW_H

/**
 * DOC: what a guest sees of configuration space
 *
 * A view is a function's layout and a profile's rules, compiled once into one flat image: for each bit of 4096
 * bytes where a read comes from and where a write goes. It holds the virtual values and does no I/O: whoever uses
 * it reads and writes the function itself, as the view says.
 *
 * The only form of an access is one dword and its byte enables. Wider and narrower ones are split before they
 * get here.
 */

#include <pcigate/host.h>
#include <pcigate/pci.h>
#include <pcigate/quirk.h>

#ifdef __cplusplus
extern "C" {
#endif

/** struct pcg_profile - a set of rules by name; see pcg_profile_find() */
struct pcg_profile;

/**
 * pcg_profile_find() - a profile by its name
 * @name: "guarded" (the default), "strict", "linux" or "raw"
 *
 * Return: the profile, or NULL.
 */
const struct pcg_profile *pcg_profile_find(const char *name);

/** pcg_profile_name() - the name of profile number @n, or NULL past the last */
const char *pcg_profile_name(unsigned int n);

/** pcg_profile_help() - what that profile is for, in one line, or NULL past the last */
const char *pcg_profile_help(unsigned int n);

/** enum pcg_shown - when a capability that the view makes up is shown */
enum pcg_shown {
	PCG_SHOWN_NEVER,
	PCG_SHOWN_SPOKEN, /* to a client that said that it can drive it: pcg_function_pasid() */
	PCG_SHOWN_FORCED, /* from the start: configuration space only, as far as anybody knows */
};

/** enum pcg_place - where it stands; any other number is an offset */
enum pcg_place {
	PCG_PLACE_ANY, /* OWN if there is one and it is free, else GAP */
	PCG_PLACE_OWN, /* where the function, or the PF that it is a VF of, has one of its own */
	PCG_PLACE_GAP, /* the start of the longest run of bytes that are nobody's */
};

/** struct pcg_made - one of them: enum pcg_shown, and enum pcg_place or an offset, 100h to FFCh */
struct pcg_made {
	uint8_t shown;
	uint16_t at;
};

/**
 * struct pcg_pasid_wish - what a client can drive, or is shown
 * @width: Max PASID Width, 1 to 20; 0: no PASID
 * @execute, @privileged: the permissions of those names (PCIe 6.0, 7.8.9.2)
 * @ats: translation requests (10.5.1)
 * @page_requests: page requests (10.5.2)
 */
struct pcg_pasid_wish {
	uint8_t width;
	bool execute;
	bool privileged;
	bool ats;
	bool page_requests;
};

/**
 * struct pcg_pasid_options - PASID, ATS and page request capabilities (docs/pasid.md)
 * @pasid, @ats, @pri: when, and where
 * @width: the widest PASID that is shown, 1 to 20; 0: what the backend enforces
 *
 * Of what they show the backend enforces all (struct pcg_pasid_facts): what it does not is not shown, and a capability
 * of which it enforces nothing is refused, unless forced.
 */
struct pcg_pasid_options {
	struct pcg_made pasid;
	struct pcg_made ats;
	struct pcg_made pri;
	uint8_t width;
};

/**
 * struct pcg_view_options - what the operator decides
 * @profile: the rules
 * @mps_supported: the largest payload, in bytes, that the guest may believe in (128 << n, n in 0..5); 0: the
 *                 function's own
 * @no_command_memory: the function has no memory enable bit, whatever the backend says
 * @msix_vectors: the most MSI-X vectors that the guest may believe in, 1..2048; 0: the function's own. The profile
 *                `raw` can keep no such bound, and is refused with one
 * @rebar: resizable BARs offer every size that the backend can give, and take it; else the one that they have. Without
 *         mediation they do what hardware does; refused under the profile `linux`, which follows the kernel
 * @pasid: capabilities that the function itself does not show
 * @spoken: what the client said that it can drive; all zero: it said nothing
 * @quirks: @nquirks of them, which stay the caller's and where they are as long as a view made with them
 */
struct pcg_view_options {
	const struct pcg_profile *profile;
	uint16_t mps_supported;
	bool no_command_memory;
	uint16_t msix_vectors;
	bool rebar;
	struct pcg_pasid_options pasid;
	struct pcg_pasid_wish spoken;
	const struct pcg_quirk *quirks;
	unsigned int nquirks;
};

/** enum pcg_effect - what a write asks of the function's surroundings; one bit each */
enum pcg_effect {
	PCG_EFFECT_COMMAND = 1, /* COMMAND was written */
	PCG_EFFECT_POWER = 2,   /* PMCSR's power state was written */
	PCG_EFFECT_FLR = 4,     /* a function level reset was asked for */
	PCG_EFFECT_MSI = 8,     /* MSI control, mask bits */
	PCG_EFFECT_MSIX = 16,   /* MSI-X control */
	PCG_EFFECT_PASID = 32,  /* the controls of PASID, ATS and page requests */
	PCG_EFFECT_RESIZE = 64, /* a resizable BAR is to have another size */
};

/**
 * struct pcg_view_write - what one write of one dword comes to
 * @host_be: bytes to write to the function; 0: nothing
 * @host: their values
 * @before: what the guest read there before the write, as far as it is virtual
 * @after: the same after it
 * @effects: enum pcg_effect bits
 * @power: the power state asked for, with PCG_EFFECT_POWER
 * @page_reset: Page Request Reset was written while page requests are off, with PCG_EFFECT_PASID
 * @bar: which one, with PCG_EFFECT_RESIZE
 * @log2: and the logarithm of the size asked for, 20 to 83; what reads back is the old one until pcg_view_resize()
 */
struct pcg_view_write {
	uint8_t host_be;
	uint32_t host;
	uint32_t before;
	uint32_t after;
	uint32_t effects;
	enum pcg_power power;
	bool page_reset;
	uint8_t bar;
	uint8_t log2;
};

/**
 * struct pcg_view_linux - what the profile `linux` keeps besides the image
 * @is_vf: the function is a VF
 * @bars_dirty: the virtual BARs are put in order before the next of them is read
 * @intx_off: INTx was masked by COMMAND
 * @msi_on: MSI vectors are set up
 * @msi_log2: the logarithm of how many were last set up
 * @msi_layout: which rows MSI follows: 1: 64-bit, 2: masking
 * @express: the first Express capability, as the host's PCI core finds it; 0: there is none
 * @devctl: the dword that its device control stands in, where the image alone decides that; else FFFFh; under other
 *          profiles that of the Express capability
 * @table_size: the bits of MSI-X's Table Size, where they are hardware's as long as nobody bounds it
 * @saved: BARs and ROM as they were when the function was opened
 * @bars: what the virtual BARs and the ROM are put in order by: address bits of both halves, type bits; @placed:
 *        the host gave it an address
 */
struct pcg_view_linux {
	bool is_vf;
	bool bars_dirty;
	bool intx_off;
	bool msi_on;
	uint8_t msi_log2;
	uint8_t msi_layout;
	uint16_t express;
	uint16_t devctl;
	uint32_t table_size;
	uint32_t saved[PCG_NUM_BARS + 1];
	struct {
		bool placed;
		uint32_t low;
		uint32_t high;
		uint32_t type;
	} bars[PCG_NUM_BARS + 1];
};

/** The capabilities that a view can make up. */
enum pcg_made_kind {
	PCG_MADE_PASID,
	PCG_MADE_ATS,
	PCG_MADE_PRI,
	PCG_NUM_MADE,
};

/**
 * struct pcg_view_pasid - what became of struct pcg_pasid_options
 * @offer: what a client that speaks can be shown
 * @shown: what is shown now
 * @place: where each stands when it is shown; 0: never
 * @at: where it stands now; 0: it is not shown
 * @forced: bit n: enum pcg_made_kind n is shown whether a client drives it or not
 * @requests: Outstanding Page Request Capacity that is shown
 */
struct pcg_view_pasid {
	struct pcg_pasid_wish offer;
	struct pcg_pasid_wish shown;
	uint16_t place[PCG_NUM_MADE];
	uint16_t at[PCG_NUM_MADE];
	uint8_t forced;
	uint32_t requests;
};

/** enum pcg_view_special - where a dword does not follow the image alone; bits */
enum pcg_view_special {
	PCG_SPECIAL_BORDERS = 7, /* bit n: bytes n and n + 1 belong to different owners */
	PCG_SPECIAL_WIDTH = 8,   /* what is read or written depends on where and how wide an access is */
	PCG_SPECIAL_BAR = 16,    /* a virtual BAR */
	PCG_SPECIAL_MEMORY = 32, /* memory enable reads as one if either side has it */
	PCG_SPECIAL_MSI = 64,    /* a read of MSI's first bytes touches its id in the shadow */
};

/**
 * PCG_VIEW_MEMORY - the most bytes that a view takes
 *
 * struct pcg_view is all of a view, and as large for every function: nothing is allocated when it is compiled nor
 * later, and it never grows. pcg_function_size(), which has one view and what else a function keeps (its registers as
 * they were at first, an MSI-X table of 2048 vectors, interrupt state), is as fixed, and at most 96 KiB.
 */
#define PCG_VIEW_MEMORY (48u * 1024u)

/**
 * struct pcg_view - the compiled image; the caller owns the memory, the members are the view's
 * @layout: what was found
 * @shadow: virtual values
 * @power_on: the values that @shadow starts with
 * @read_host: bits that read from the function; all others read @shadow
 * @read_be: the bytes that these stand in, as byte enables; all four, where @chunked
 * @kept: bits of @shadow that a function level reset leaves alone
 * @write_shadow: bits that a write changes in @shadow
 * @write_host: bits that a write changes in the function
 * @write_clear: bits that clear in the function where one is written (RW1C)
 * @as_zero: bits that are written to the function as zero: RW1C bits that this write does not mean to clear
 * @hook: for each dword what a write sets off
 * @special: for each dword enum pcg_view_special bits; all 0 unless @chunked
 * @owner: for each byte who owns it, where @chunked: a capability id, 0 the header, FFh nobody
 * @pasid: capabilities that are made up; where they are shown, @layout has them, too
 * @own: more of the profile `linux`
 * @mediated: the profile has rules; without, every bit is the function's own
 * @memory_bit: COMMAND's memory enable exists in the function
 * @io_bit: COMMAND's I/O enable exists in the function
 * @no_command_memory: memory enable is virtual, preset, and reaches nothing
 * @no_intx: no interrupt pin is shown and INTx cannot be set up
 * @rom_width: the widest access to the ROM, in bytes; 0: any
 * @combine: bit n: BAR n is to be mapped write-combining, says a quirk
 * @msix_vectors: MSI-X vectors that are shown, 0: there is no MSI-X; pcg_view_msix() changes it
 * @msix_most: and how many the operator, or a quirk, allows to be shown
 * @msix_size: and how many entries the function's table has
 * @rom: the ROM as it is shown
 * @chunked: an access is cut into naturally aligned chunks of 1, 2 or 4 bytes where ownership changes, and a write
 *           to the function writes back the whole chunk; so Linux does it
 * @resizable: sizes that each BAR offers, as struct pcg_host_info has them; 0: it cannot be resized
 * @pm: where the capability with power state stands; 0: there is none; likewise the following
 */
struct pcg_view {
	struct pcg_layout layout;
	const struct pcg_profile *profile;
	struct pcg_view_options options;
	bool mediated;
	bool memory_bit;
	bool io_bit;
	bool no_command_memory;
	bool no_intx;
	bool chunked;
	uint8_t rom_width;
	uint8_t combine;
	uint16_t msix_vectors;
	uint16_t msix_most;
	uint16_t msix_size;
	struct pcg_bar rom;
	uint64_t resizable[PCG_NUM_BARS];
	uint16_t pm;
	uint16_t msi;
	uint16_t msix;
	uint16_t express;
	uint16_t af;
	uint16_t rebar;
	struct pcg_view_pasid pasid;
	struct pcg_view_linux own;
	uint8_t owner[PCG_CONFIG_EXTENDED];
	uint8_t special[PCG_CONFIG_DWORDS];
	uint8_t read_be[PCG_CONFIG_DWORDS];
	uint8_t hook[PCG_CONFIG_DWORDS];
	uint32_t shadow[PCG_CONFIG_DWORDS];
	uint32_t power_on[PCG_CONFIG_DWORDS];
	uint32_t kept[PCG_CONFIG_DWORDS];
	uint32_t read_host[PCG_CONFIG_DWORDS];
	uint32_t write_shadow[PCG_CONFIG_DWORDS];
	uint32_t write_host[PCG_CONFIG_DWORDS];
	uint32_t write_clear[PCG_CONFIG_DWORDS];
	uint32_t as_zero[PCG_CONFIG_DWORDS];
};

/**
 * pcg_view_init() - compile a view
 * @view: filled in
 * @info: what the backend says of the function
 * @config: what the function's configuration space holds now, @info->config_size bytes
 * @options: what the operator decides
 * @log: told of oddities; may be NULL
 *
 * Guarantees: no allocation, now or later; every bit of 4096 bytes is decided; contradicting rules are an error, not
 * a surprise.
 *
 * Return: 0; what pcg_layout_parse() returns; -EINVAL for options, facts or quirks that cannot be.
 */
int pcg_view_init(struct pcg_view *view, const struct pcg_host_info *info, const uint8_t *config,
		  const struct pcg_view_options *options, const struct pcg_log *log);

/**
 * pcg_view_reset() - the virtual values return to what they are after a function level reset
 * @view: the view
 *
 * Sticky values stay, and what PCIe 6.0, 6.6.2 excepts: the payload size and the link's settings.
 */
void pcg_view_reset(struct pcg_view *view);

/** pcg_view_power_on() - the virtual values return to what they were when the function was opened */
void pcg_view_power_on(struct pcg_view *view);

/**
 * pcg_view_read_needs() - which bytes of the function a read needs
 * @view: the view
 * @dword: which dword, 0..1023
 * @be: byte enables
 *
 * Return: byte enables for the function; 0: the view knows all of it.
 */
static inline uint8_t pcg_view_read_needs(const struct pcg_view *view, uint16_t dword, uint8_t be)
{
	uint32_t bits = view->read_host[dword];
	uint8_t needs = (uint8_t)((bits & 0xffu ? 1 : 0) | (bits & 0xff00u ? 2 : 0) | (bits & 0xff0000u ? 4 : 0) |
				  (bits & 0xff000000u ? 8 : 0));

	return needs & be;
}

/**
 * pcg_view_read() - what the guest reads
 * @view: the view
 * @dword: which dword
 * @host: what the function holds in the bytes that pcg_view_read_needs() asked for
 */
static inline uint32_t pcg_view_read(const struct pcg_view *view, uint16_t dword, uint32_t host)
{
	return (host & view->read_host[dword]) | (view->shadow[dword] & ~view->read_host[dword]);
}

/**
 * pcg_view_write_needs() - which bytes of the function must be read before a write
 * @view: the view
 * @dword: which dword
 * @be: byte enables of the write
 * @value: what is written
 *
 * Return: byte enables for the function; 0: none.
 */
uint8_t pcg_view_write_needs(const struct pcg_view *view, uint16_t dword, uint8_t be, uint32_t value);

/**
 * pcg_view_write() - a guest writes
 * @view: the view; its virtual values change
 * @dword: which dword
 * @be: byte enables
 * @value: what is written
 * @host: what the function holds in the bytes that pcg_view_write_needs() asked for
 * @result: what is to be done now
 *
 * Where the view is @chunked this is the image alone: what goes by the width of an access, and what a write sets off
 * besides, is done by pcg_function_submit().
 */
void pcg_view_write(struct pcg_view *view, uint16_t dword, uint8_t be, uint32_t value, uint32_t host,
		    struct pcg_view_write *result);

/**
 * pcg_view_msi() - how many MSI vectors are set up; the profile `linux` shows and writes MSI's flags by it
 * @view: the view
 * @vectors: how many; 0: MSI is off
 */
void pcg_view_msi(struct pcg_view *view, unsigned int vectors);

/**
 * pcg_view_msix() - how many MSI-X vectors are shown
 * @view: the view
 * @vectors: how many, 1 to @view->msix_most; more, and 0, are @view->msix_most
 *
 * Table Size (PCIe 6.0, 7.7.2.2) follows at once, where the view has rules.
 */
void pcg_view_msix(struct pcg_view *view, unsigned int vectors);

/**
 * pcg_view_resize() - a resizable BAR has another size now
 * @view: the view
 * @n: which BAR
 * @bar: what it is now
 *
 * The sizes that the capability states, the BAR's address bits and what a reset leaves of both follow.
 */
void pcg_view_resize(struct pcg_view *view, unsigned int n, const struct pcg_bar *bar);

/** pcg_view_pasid() - the controls of PASID, ATS and page requests, as the guest set them; all off where none is shown
 */
void pcg_view_pasid(const struct pcg_view *view, struct pcg_pasid_control *control);

/** pcg_view_pasid_set() - the same the other way: what reads back where a write could not be carried out */
void pcg_view_pasid_set(struct pcg_view *view, const struct pcg_pasid_control *control);

/** pcg_view_page_status() - the function raised bits of the page request status register (PCIe 6.0, 10.5.2.3) */
void pcg_view_page_status(struct pcg_view *view, uint16_t raised);

/** pcg_view_memory_on() - memory decoding is on, as the guest set it */
bool pcg_view_memory_on(const struct pcg_view *view);

/** pcg_view_io_on() - I/O decoding is on, as the guest set it */
bool pcg_view_io_on(const struct pcg_view *view);

#ifdef __cplusplus
}
#endif
#endif
