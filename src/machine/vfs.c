/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "machine/vfs.h"

/** struct rule - why the kernel answers so, and what to do; the first row that fits counts */
struct rule {
	int error;
	bool vfio;   /* only where vfio-pci, or one made of it, drives the PF */
	bool idle;   /* only where nobody drives it */
	bool fabric; /* only where it is a simulated fabric's */
	const char *text;
};

static const struct rule count_rules[] = {
	{ .error = EACCES, .text = "only root may; run it as root" },
	{ .error = EPERM, .text = "only root may, and a driver may forbid it at times; its words stand in dmesg" },
	{ .error = EROFS, .text = "/sys is mounted read-only here; do it outside the container" },
	{ .error = ENOENT,
	  .idle = true,
	  .text = "VFs are made by the PF's driver, and it has none; bind one, or pci-pf-stub where the VFs need none: "
		  "driverctl set-override PF pci-pf-stub" },
	{ .error = ENOENT,
	  .vfio = true,
	  .text = "vfio-pci makes VFs only when its parameter enable_sriov is on: echo 1 > "
		  "/sys/module/vfio_pci/parameters/enable_sriov; they are then bound to vfio-pci and want the PF's token" },
	{ .error = ENOENT,
	  .text = "the PF's driver makes no VFs through sysfs; see whether it has a parameter of its own for it" },
	{ .error = EBUSY, .text = "a number of VFs is only changed from 0; remove those that are there first" },
	{ .error = ERANGE, .text = "the PF has not so many VFs" },
	{ .error = EOPNOTSUPP,
	  .fabric = true,
	  .text = "a fabric has no drivers that could take VFs; leave --probe out" },
	{ .error = EINVAL, .text = "the PF's driver does not take this number; dmesg says why" },
	{ .error = ENOMEM,
	  .text = "there is no room for their BARs or their bus numbers behind the bridge: pci=realloc, or "
		  "pci=assign-busses, on the kernel's command line; or switch SR-IOV on in the firmware" },
	{ .error = ENOSPC, .text = "the PF's driver has no resources left for so many; try fewer" },
	{ .error = EIO, .text = "the PF does not do as it is told; dmesg says more" },
};

static const struct rule msix_rules[] = {
	{ .error = EACCES, .text = "only root may; run it as root" },
	{ .error = EPERM, .text = "only root may; run it as root, outside a container" },
	{ .error = EROFS, .text = "/sys is mounted read-only here; do it outside the container" },
	{ .error = ENOENT,
	  .text = "this kernel has no sriov_vf_msix_count: it came with Linux 5.13, and needs PCI_IOV and PCI_MSI" },
	{ .error = EOPNOTSUPP,
	  .fabric = true,
	  .text = "its PF has no pool of vectors; vf-msix-pool=N in the fabric's description gives it one" },
	{ .error = EOPNOTSUPP,
	  .vfio = true,
	  .text = "the PF's driver hands out the vectors, and vfio-pci cannot; bind the PF to the driver of its maker" },
	{ .error = EOPNOTSUPP,
	  .idle = true,
	  .text = "the PF's driver hands out the vectors, and the PF has none; bind it to the driver of its maker" },
	{ .error = EOPNOTSUPP,
	  .text = "the PF's driver hands out no vectors: of Linux's drivers only mlx5_core and ice do" },
	{ .error = EINVAL,
	  .text = "it is fewer than the device's least number for a VF; take more, or 0 for its own choice" },
	{ .error = EOVERFLOW, .text = "it is more than the device can give one VF; take fewer" },
	{ .error = ERANGE, .text = "it is more than the device can give one VF; take fewer" },
	{ .error = ENOSPC, .text = "the pool has not so many left; take them from another VF first, or take fewer" },
	{ .error = ENOMEM, .text = "the pool has not so many left; take them from another VF first, or take fewer" },
	{ .error = EAGAIN, .text = "the PF's driver is busy; try again" },
};

static const char *explain(const struct rule *rules, size_t count, int error, const char *driver)
{
	bool idle = driver[0] == '\0', vfio = strstr(driver, "vfio") != NULL, fabric = strcmp(driver, "fabric") == 0;

	for (size_t i = 0; i < count; i++)
		if (rules[i].error == error && (!rules[i].vfio || vfio) && (!rules[i].idle || idle) &&
		    (!rules[i].fabric || fabric))
			return rules[i].text;
	return "dmesg may say more";
}

#define EXPLAIN(rules, error, driver) explain(rules, sizeof(rules) / sizeof((rules)[0]), error, driver)

static const char *or_none(const char *driver)
{
	return driver[0] != '\0' ? driver : "none";
}

static int not_found(const struct sriov *sriov, const char *bdf, int error, const struct pcg_log *log)
{
	if (error == -EINVAL)
		base_log(log, PCG_ERROR, "\"%.64s\" is no PCI address; give one as lspci -D prints it, 0000:03:10.1",
			 bdf);
	else
		base_log(log, PCG_ERROR, "there is no %.64s in %s", bdf,
			 sriov->ops->where != NULL ? sriov->ops->where
						   : "this machine; `pcigate list` lists what there is");
	return error;
}

int vfs_pf(struct sriov *sriov, const char *bdf, struct sriov_pf *pf, const struct pcg_log *log)
{
	int error = sriov->ops->pf(sriov, bdf, pf);

	if (error == -ENOTTY)
		base_log(log, PCG_ERROR,
			 "%s has no VFs to give: it has no SR-IOV capability, or this kernel is without PCI_IOV",
			 pf->bdf);
	else if (error != 0)
		return not_found(sriov, bdf, error, log);
	return error;
}

/* --- numbers of VFs --- */

static int count_refused(const struct sriov_pf *pf, const char *what, unsigned int value, int error,
			 const struct pcg_log *log)
{
	base_log(log, PCG_ERROR, "%s of %s (driver %s, %u of %u VFs) does not become %u: %s; %s", what, pf->bdf,
		 or_none(pf->driver), pf->count, pf->total, value, strerror(-error),
		 EXPLAIN(count_rules, -error, pf->driver));
	return error;
}

/* The kernel would wait for the process, and nobody could end that. */
static int check_holders(struct sriov *sriov, const struct sriov_pf *pf, const struct pcg_log *log)
{
	struct sriov_vf vf;

	for (unsigned int n = 0; n < pf->count; n++) {
		long pid = sriov->ops->vf_of(sriov, pf->bdf, n, &vf) == 0 ? sriov->ops->holder(sriov, vf.bdf) : 0;

		if (pid == 0)
			continue;
		base_log(log, PCG_ERROR,
			 "process %ld has VF %s of %s open, and removing the VF would wait for it; end it first", pid,
			 vf.bdf, pf->bdf);
		return -EBUSY;
	}
	return 0;
}

static int change_count(struct sriov *sriov, struct sriov_pf *pf, unsigned int count, const struct pcg_log *log)
{
	int error = pf->count > 0 ? check_holders(sriov, pf, log) : 0;

	if (error != 0)
		return error;
	if (pf->count > 0 && count > 0) {
		error = sriov->ops->set_count(sriov, pf->bdf, 0);
		if (error != 0)
			return count_refused(pf, "sriov_numvfs", 0, error, log);
		pf->count = 0;
	}
	error = sriov->ops->set_count(sriov, pf->bdf, count);
	return error != 0 ? count_refused(pf, "sriov_numvfs", count, error, log) : 0;
}

int vfs_create(struct sriov *sriov, const char *bdf, unsigned int count, enum vfs_probe probe, struct sriov_pf *pf,
	       const struct pcg_log *log)
{
	int error = vfs_pf(sriov, bdf, pf, log);

	if (error != 0)
		return error;
	if (count > pf->total) {
		base_log(log, PCG_ERROR, "%s has at most %u VFs (sriov_totalvfs); %u are asked for", pf->bdf, pf->total,
			 count);
		return -ERANGE;
	}
	/* Before they are there: a driver takes a new VF at once. */
	if (probe != VFS_PROBE_AS_IS && pf->probe != (probe == VFS_PROBE_ON)) {
		error = sriov->ops->set_probe(sriov, pf->bdf, probe == VFS_PROBE_ON);
		if (error != 0)
			return count_refused(pf, "sriov_drivers_autoprobe", probe == VFS_PROBE_ON, error, log);
	}
	if (count != pf->count)
		error = change_count(sriov, pf, count, log);
	if (error == 0)
		error = vfs_pf(sriov, bdf, pf, log);
	if (error == 0 && pf->count != count)
		base_log(log, PCG_WARN, "%s: %u VFs were asked for, and its driver made %u; dmesg may say why", pf->bdf,
			 count, pf->count);
	return error;
}

/* --- their vectors --- */

static int msix_refused(struct sriov *sriov, const struct sriov_vf *vf, unsigned int vectors, int error,
			const struct pcg_log *log)
{
	struct sriov_pf pf = { 0 };
	char now[64] = "", pool[64] = "";

	if (vf->msix > 0)
		snprintf(now, sizeof(now), "%d vectors now", vf->msix);
	if (error == -EBUSY && sriov->ops->where != NULL) {
		base_log(
			log, PCG_ERROR,
			"%s (%s) does not get %u vectors: a client has it, and the table of a VF changes only while nobody "
			"has it; end that client, and set the number before the next comes",
			vf->bdf, now, vectors);
		return error;
	}
	if (error == -EBUSY) {
		base_log(
			log, PCG_ERROR,
			"%s (driver %s%s%s) does not get %u vectors: Linux changes the table of a VF only while no driver "
			"holds it, so this one keeps its number until it is assigned next; release it (echo %s > "
			"/sys/bus/pci/devices/%s/driver/unbind), set the number, and bind it again",
			vf->bdf, or_none(vf->driver), now[0] != '\0' ? ", " : "", now, vectors, vf->bdf, vf->bdf);
		return error;
	}
	if (sriov->ops->pf(sriov, vf->pf, &pf) == 0 && pf.pool > 0)
		snprintf(pool, sizeof(pool), "; all VFs of %s share %u", vf->pf, pf.pool);
	base_log(log, PCG_ERROR, "%s (%s) does not get %u vectors from the PF's driver (%s): %s; %s%s", vf->bdf,
		 now[0] != '\0' ? now : "its table is not to be seen", vectors, or_none(pf.driver), strerror(-error),
		 EXPLAIN(msix_rules, -error, pf.driver), pool);
	return error;
}

static void msix_compare(const struct sriov_vf *vf, unsigned int vectors, const struct pcg_log *log)
{
	if (vf->msix < 0)
		base_log(log, PCG_WARN,
			 "%s: taken, but its table cannot be read back (%s); run it as root to see the number", vf->bdf,
			 strerror(-vf->msix));
	else if (vectors != 0 && vf->msix != (int)vectors)
		base_log(
			log, PCG_WARN,
			"%s: %u were asked for, and its table has %d: the PF's driver counts otherwise (ice: queues, and "
			"one vector more)",
			vf->bdf, vectors, vf->msix);
}

int vfs_msix(struct sriov *sriov, const char *bdf, unsigned int vectors, struct sriov_vf *vf, const struct pcg_log *log)
{
	int error = sriov->ops->vf(sriov, bdf, vf);

	if (error == -ENOTTY) {
		base_log(log, PCG_ERROR,
			 "%s is no VF, and only VFs get vectors from a pool; `pcigate vf PF` lists those of a PF",
			 vf->bdf);
		return error;
	}
	if (error != 0)
		return not_found(sriov, bdf, error, log);
	error = sriov->ops->set_msix(sriov, vf->bdf, vectors);
	if (error != 0)
		return msix_refused(sriov, vf, vectors, error, log);
	error = sriov->ops->vf(sriov, vf->bdf, vf);
	if (error != 0)
		return not_found(sriov, bdf, error, log);
	msix_compare(vf, vectors, log);
	return 0;
}
