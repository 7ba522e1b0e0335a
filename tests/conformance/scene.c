/*
 * scene.c - what the bodies build and look at: files, directories, links, listings. See
 * conformance.h. Everything in here has to work, or the body ends.
 */
#include "tests/conformance/conformance.h"
#include <stdio.h>
#include <unistd.h>

struct vattr attr_of(struct object node)
{
    struct vattr attr = {.type = VNON};

    expect_ok(t_getattr(node, &attr));
    return attr;
}

uint32_t access_of(struct object node)
{
    const uint32_t all = VACCESS_READ | VACCESS_LOOKUP | VACCESS_MODIFY | VACCESS_EXTEND |
                         VACCESS_DELETE | VACCESS_EXECUTE;
    uint32_t granted = 0;

    expect_ok(driver->access(&node, all, &granted));
    expect_number(granted & ~all, 0);
    return granted;
}

struct object find(struct object dir, const char *name)
{
    struct object out = {.len = 0};
    int err = t_lookup(dir, name, &out);

    if (err != 0)
        fail("lookup of %s: %s", name, error_name(err));
    return out;
}

struct object make_file(struct object dir, const char *name, const char *text)
{
    struct object out = {.len = 0};
    int err = t_create(dir, name, 0644, &out);

    if (err != 0)
        fail("create of %s: %s", name, error_name(err));
    if (*text != '\0')
        expect_ok(t_write_text(out, 0, text));
    return out;
}

struct object make_dir(struct object dir, const char *name)
{
    struct object out = {.len = 0};
    int err = t_mkdir(dir, name, 0755, &out);

    if (err != 0)
        fail("mkdir of %s: %s", name, error_name(err));
    return out;
}

struct object make_symlink(struct object dir, const char *name, const char *target)
{
    struct object out = {.len = 0};

    expect_ok(t_symlink(dir, name, target, &out));
    return out;
}

struct object make_fifo(struct object dir, const char *name)
{
    struct object out = {.len = 0};

    expect_ok(t_mknod(dir, name, VFIFO, 0, 0, &out));
    return out;
}

struct object make(enum kind kind, struct object dir, const char *name)
{
    struct object out = {.len = 0};

    switch (kind) {
    case NOTHING:
        break;
    case A_FILE:
        return make_file(dir, name, name);
    case A_DIR:
        return make_dir(dir, name);
    case A_FULL_DIR:
        out = make_dir(dir, name);
        make_file(out, "content", "of a directory");
        break;
    case A_SYMLINK:
        return make_symlink(dir, name, "to nowhere");
    case A_FIFO:
        return make_fifo(dir, name);
    }
    return out;
}

bool same(struct object a, struct object b)
{
    return a.len == b.len && memcmp(a.id, b.id, a.len) == 0;
}

void expect_same(struct object a, struct object b)
{
    if (!same(a, b))
        fail("these are two different handles");
}

void expect_text(struct object file, const char *text)
{
    char buf[4096];
    size_t len = sizeof(buf) - 1;
    bool eof;

    expect_ok(t_read(file, 0, buf, &len, &eof));
    buf[len] = '\0';
    expect(eof);
    if (len != strlen(text) || strcmp(buf, text) != 0)
        fail("the file has '%s' instead of '%s'", buf, text);
}

void expect_target(struct object link, const char *target)
{
    char buf[VPATH_MAX + 1];

    expect_ok(t_readlink(link, buf));
    if (strcmp(buf, target) != 0)
        fail("the link has '%s' instead of '%s'", buf, target);
}

void expect_entry(struct object dir, const char *name, struct object node)
{
    expect_same(find(dir, name), node);
    expect_number(list_times(dir, name), 1);
}

void expect_missing(struct object dir, const char *name)
{
    struct object out;

    expect_error(t_lookup(dir, name, &out), ENOENT);
    expect_number(list_times(dir, name), 0);
}

void expect_stale(struct object node)
{
    struct vattr attr;

    expect_error(t_getattr(node, &attr), ESTALE);
}

/* The number of the step of the file system's clock that this time falls into. */
static uint64_t step_of(struct timespec t)
{
    return ((uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec) / granularity;
}

bool same_time(struct timespec a, struct timespec b)
{
    return step_of(a) == step_of(b);
}

bool before(struct timespec a, struct timespec b)
{
    return a.tv_sec < b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec < b.tv_nsec);
}

/* Kernels stamp files with the time of the last tick: 10 ms where ticks are rarest. */
void let_time_pass(void)
{
    if (granularity >= 1000000)
        usleep((useconds_t)(granularity / 1000));
    usleep(21000);
}

unsigned char pattern(uint64_t at)
{
    return (unsigned char)(at * 31 + (at >> 8) * 7 + (at >> 16) * 3 + 1);
}

void fill_pattern(void *buf, uint64_t from, size_t len)
{
    unsigned char *to = buf;

    for (size_t i = 0; i < len; i++)
        to[i] = pattern(from + i);
}

bool is_dots(const struct item *item)
{
    return (item->namelen == 1 && item->name[0] == '.') ||
           (item->namelen == 2 && item->name[0] == '.' && item->name[1] == '.');
}

struct page *list_page(struct object dir, uint64_t cookie, uint32_t size, struct page *page)
{
    expect_ok(driver->readdir(&dir, cookie, size, page));
    if (page->count == 0 && !page->eof)
        fail("a page is empty, and not the last: a client would ask for ever");
    return page;
}

static unsigned count_matching(struct object dir, const char *name)
{
    struct page page = {.verifier = 0};
    uint64_t cookie = 0;
    unsigned n = 0;

    do {
        list_page(dir, cookie, 8192, &page);
        for (uint32_t i = 0; i < page.count; i++) {
            const struct item *item = &page.items[i];
            n += name == NULL ? !is_dots(item) : strcmp(item->name, name) == 0;
            cookie = item->cookie;
        }
    } while (!page.eof);
    return n;
}

unsigned list_count(struct object dir)
{
    return count_matching(dir, NULL);
}

unsigned list_times(struct object dir, const char *name)
{
    return count_matching(dir, name);
}
