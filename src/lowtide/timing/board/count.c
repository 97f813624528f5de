/* count.c: a QEMU plug-in that counts instructions between marks, for each number that marks bear.
   Debian ships no qemu-plugin.h, so that what is used of the API is declared here.
   Arguments: marks=FILE (lines "address number") operators=N out=FILE. Number N is the driver's. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t Id;
struct tb;
struct insn;
enum { NO_REGISTERS = 0 };
typedef void Translated(Id, struct tb *);
typedef void Executed(unsigned, void *);
extern void qemu_plugin_register_vcpu_tb_trans_cb(Id, Translated *);
extern void qemu_plugin_register_vcpu_tb_exec_cb(struct tb *, Executed *, int flags, void *);
extern void qemu_plugin_register_vcpu_insn_exec_cb(struct insn *, Executed *, int flags, void *);
extern void qemu_plugin_register_atexit_cb(Id, void (*)(Id, void *), void *);
extern size_t qemu_plugin_tb_n_insns(const struct tb *);
extern struct insn *qemu_plugin_tb_get_insn(const struct tb *, size_t);
extern uint64_t qemu_plugin_insn_vaddr(const struct insn *);
__attribute__((visibility("default"))) int qemu_plugin_version = API;

enum { BEGIN = -1, END = -2 };
struct mark { uint64_t address; long number; };
/* Instructions that follow one another, up to the next mark or the end of what QEMU translates at once. */
struct piece { uint64_t address, instructions, runs; const struct mark *mark; struct piece *next; };
static struct mark *marks;
static struct piece *pieces;
static uint64_t *spent, *calls, executed, since;
static size_t marked;
static long operators, now;
static bool counting;
static const char *file;

static void execute(unsigned cpu, void *data)
{
    (void)cpu;
    struct piece *piece = data;
    if (piece->mark) {
        const long number = piece->mark->number;
        if (counting) spent[now] += executed - since;
        since = executed;
        counting = number == BEGIN || (counting && number != END);
        now = number >= 0 ? number : operators;
        if (counting) calls[now]++;
    }
    executed += piece->instructions;
    if (counting) piece->runs++;
}

/* The last of those at an address: the others mark nothing. */
static const struct mark *mark_at(uint64_t address)
{
    const struct mark *found = NULL;
    for (size_t k = 0; k < marked; k++)
        if (marks[k].address == address) found = &marks[k];
    return found;
}

static void translated(Id id, struct tb *tb)
{
    (void)id;
    struct piece *piece = NULL;
    const size_t instructions = qemu_plugin_tb_n_insns(tb);
    for (size_t i = 0; i < instructions; i++) {
        struct insn *insn = qemu_plugin_tb_get_insn(tb, i);
        const uint64_t address = qemu_plugin_insn_vaddr(insn);
        const struct mark *mark = mark_at(address);
        if (!piece || mark) {
            piece = calloc(1, sizeof *piece);
            *piece = (struct piece){address, 0, 0, mark, pieces};
            pieces = piece;
            if (i)
                qemu_plugin_register_vcpu_insn_exec_cb(insn, execute, NO_REGISTERS, piece);
            else
                qemu_plugin_register_vcpu_tb_exec_cb(tb, execute, NO_REGISTERS, piece);
        }
        piece->instructions++;
    }
}

static void done(Id id, void *data)
{
    (void)id, (void)data;
    FILE *out = fopen(file, "w");
    if (!out) return;
    for (long k = 0; k <= operators; k++) fprintf(out, "operator %ld %" PRIu64 " %" PRIu64 "\n", k, calls[k], spent[k]);
    for (const struct piece *piece = pieces; piece; piece = piece->next)
        if (piece->runs) fprintf(out, "piece %" PRIx64 " %" PRIu64 " %" PRIu64 "\n", piece->address, piece->instructions, piece->runs);
    fclose(out);
}

static bool read_marks(const char *name)
{
    FILE *in = name ? fopen(name, "r") : NULL;
    struct mark mark;
    while (in && fscanf(in, "%" SCNx64 " %ld", &mark.address, &mark.number) == 2) {
        marks = realloc(marks, (marked + 1) * sizeof *marks);
        marks[marked++] = mark;
    }
    return in && !fclose(in);
}

__attribute__((visibility("default"))) int qemu_plugin_install(Id id, const void *info, int argc, char **argv)
{
    (void)info;
    const char *names = NULL;
    for (int i = 0; i < argc; i++) {
        if (!strncmp(argv[i], "marks=", 6)) names = argv[i] + 6;
        if (!strncmp(argv[i], "out=", 4)) file = strdup(argv[i] + 4);
        if (!strncmp(argv[i], "operators=", 10)) operators = atol(argv[i] + 10);
    }
    if (!file || !read_marks(names)) return 1;
    spent = calloc((size_t)operators + 1, sizeof *spent);
    calls = calloc((size_t)operators + 1, sizeof *calls);
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, done, NULL);
    return 0;
}
