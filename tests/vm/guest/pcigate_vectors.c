/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * A guest driver that takes exactly the MSI-X entries it is told to, of a PCI endpoint test function, and says whether
 * each fires alone, whether the others stay silent, and whether a masked one waits. It binds by driver_override; a
 * probe that finds a fault fails and says which.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/irq.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>

#define COMMAND    0x04
#define RAISE_MSIX 0x04
#define IRQ_TYPE   0x24
#define TYPE_MSIX  2
#define IRQ_NUMBER 0x28

/* Kept while bound, and so through a reset of the machine. */
#define BUFFER 0x10000

#define SOON       msecs_to_jiffies(5000)
#define SILENCE_MS 30

static uint count = 64;
module_param(count, uint, 0644);
MODULE_PARM_DESC(count, "entries to take");
static uint first;
module_param(first, uint, 0644);
MODULE_PARM_DESC(first, "the lowest of them");
static uint stride = 1;
module_param(stride, uint, 0644);
MODULE_PARM_DESC(stride, "distance from one to the next");

struct vectors {
	struct pci_dev *pdev;
	void __iomem *registers;
	dma_addr_t buffer;
	struct completion fired;
	atomic_t hits;
	int last;
	unsigned int requested;
	struct vector {
		struct vectors *all;
		unsigned int index;
	} * each;
	struct msix_entry *entries;
};

static irqreturn_t vectors_fired(int irq, void *arg)
{
	struct vector *vector = arg;

	WRITE_ONCE(vector->all->last, vector->index);
	atomic_inc(&vector->all->hits);
	complete(&vector->all->fired);
	return IRQ_HANDLED;
}

static void vectors_raise(struct vectors *v, unsigned int entry)
{
	atomic_set(&v->hits, 0);
	reinit_completion(&v->fired);
	writel(TYPE_MSIX, v->registers + IRQ_TYPE);
	writel(entry + 1, v->registers + IRQ_NUMBER);
	writel(RAISE_MSIX, v->registers + COMMAND);
}

static bool vectors_expect(struct vectors *v, unsigned int index, const char *what)
{
	bool came = wait_for_completion_timeout(&v->fired, SOON) != 0;
	int hits = atomic_read(&v->hits), last = READ_ONCE(v->last);

	if (came && hits == 1 && last == (int)index)
		return true;
	pci_err(v->pdev, "entry %u %s: %d interrupts, the last from place %d, awaited place %u\n",
		v->entries[index].entry, what, hits, came ? last : -1, index);
	return false;
}

static bool vectors_silent(struct vectors *v, unsigned int entry, const char *what)
{
	msleep(SILENCE_MS);
	if (atomic_read(&v->hits) == 0)
		return true;
	pci_err(v->pdev, "entry %u %s: place %d got an interrupt\n", entry, what, v->last);
	return false;
}

/* One that is masked waits, and comes when it is unmasked. */
static bool vectors_mask(struct vectors *v, unsigned int index)
{
	unsigned int irq = v->entries[index].vector;
	bool good;

	irq_set_status_flags(irq, IRQ_DISABLE_UNLAZY);
	disable_irq(irq);
	vectors_raise(v, v->entries[index].entry);
	good = vectors_silent(v, v->entries[index].entry, "masked");
	enable_irq(irq);
	return good && vectors_expect(v, index, "unmasked");
}

static bool vectors_check(struct vectors *v)
{
	unsigned int i, table = pci_msix_vec_count(v->pdev), spare = first + (count - 1) * stride + 1;

	for (i = 0; i < count; i++) {
		vectors_raise(v, v->entries[i].entry);
		if (!vectors_expect(v, i, "raised"))
			return false;
	}
	if (spare >= table)
		spare = first ? first - 1 : 1;
	if (count < table) {
		vectors_raise(v, spare);
		if (!vectors_silent(v, spare, "that nobody took"))
			return false;
	}
	return vectors_mask(v, 0) && vectors_mask(v, count / 2);
}

static void vectors_free(struct vectors *v)
{
	while (v->requested > 0) {
		v->requested--;
		free_irq(v->entries[v->requested].vector, &v->each[v->requested]);
	}
	pci_disable_msix(v->pdev);
}

static int vectors_take(struct vectors *v)
{
	unsigned int i;
	int r;

	for (i = 0; i < count; i++) {
		v->entries[i].entry = first + i * stride;
		v->each[i].all = v;
		v->each[i].index = i;
	}
	r = pci_enable_msix_exact(v->pdev, v->entries, count);
	if (r)
		return dev_err_probe(&v->pdev->dev, r, "no %u MSI-X entries\n", count);
	for (i = 0; i < count; i++) {
		r = request_irq(v->entries[i].vector, vectors_fired, 0, "pcigate_vectors", &v->each[i]);
		if (r) {
			vectors_free(v);
			return dev_err_probe(&v->pdev->dev, r, "place %u of %u\n", i, count);
		}
		v->requested++;
	}
	return 0;
}

static int vectors_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct vectors *v = devm_kzalloc(&pdev->dev, sizeof(*v), GFP_KERNEL);
	int r;

	if (!v)
		return -ENOMEM;
	v->pdev = pdev;
	v->each = devm_kcalloc(&pdev->dev, count, sizeof(*v->each), GFP_KERNEL);
	v->entries = devm_kcalloc(&pdev->dev, count, sizeof(*v->entries), GFP_KERNEL);
	if (!v->each || !v->entries || !count)
		return -ENOMEM;
	init_completion(&v->fired);
	r = pcim_enable_device(pdev);
	if (r)
		return r;
	pci_set_master(pdev);
	v->registers = pcim_iomap(pdev, 0, 0);
	if (!v->registers || !dmam_alloc_coherent(&pdev->dev, BUFFER, &v->buffer, GFP_KERNEL))
		return -ENOMEM;
	r = vectors_take(v);
	if (r)
		return r;
	pci_set_drvdata(pdev, v);
	if (!vectors_check(v)) {
		vectors_free(v);
		return -EIO;
	}
	pci_info(pdev, "good: %u of %d entries, from %u by %u, buffer at %pad\n", count, pci_msix_vec_count(pdev),
		 first, stride, &v->buffer);
	return 0;
}

static void vectors_remove(struct pci_dev *pdev)
{
	vectors_free(pci_get_drvdata(pdev));
	pci_clear_master(pdev);
}

static struct pci_driver vectors_driver = {
	.name = "pcigate_vectors",
	.probe = vectors_probe,
	.remove = vectors_remove,
};
module_pci_driver(vectors_driver);

MODULE_DESCRIPTION("Takes some MSI-X entries of a PCI endpoint test function");
MODULE_LICENSE("Dual BSD/GPL");
