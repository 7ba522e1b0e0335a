/*
 * exports.c - the exports file and the command line's specs, of words in any order and of noise: no
 * text does harm, a text that is taken describes directories that exist, one that is not is refused
 * with a message.
 */
#include "base/log.h"
#include "exports/draft.h"
#include "tests/fuzz/random.h"
#include "tests/lib/bytes.h"
#include "tests/lib/host.h"
#include "tests/lib/test.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static char dir[4096]; /* holds what may be exported; removed when the process ends */
static pid_t dir_owner;

static void remove_dir(void)
{
    if (getpid() == dir_owner)
        host_remove_tree(dir);
}

static void make_dir(void)
{
    char made[] = "/tmp/loopnfs-fuzz-XXXXXX";

    log_init(LOG_LEVEL_ERROR);
    assert_non_null(mkdtemp(made));
    assert_non_null(realpath(made, dir));
    dir_owner = getpid();
    atexit(remove_dir);
    host_mkdir(dir, "a", 0755);
    host_mkdir(dir, "b", 0755);
    host_mkdir(dir, "with space", 0755);
    host_write(dir, "file", "");
    host_symlink("a", dir, "link");
    host_symlink("missing", dir, "dangling");
}

/* "$" stands for the directory. Files and specs have most words in common. */
static const char *const words[] = {
    "$/a",
    "$/b",
    "\"$/with space\"",
    "$/with\\040space",
    "$/file",
    "$/link",
    "$/dangling",
    "$/missing",
    "$/a/../b",
    "$/a//",
    "/",
    "a",
    "*",
    "localhost",
    "192.0.2.1",
    "192.0.2.0/24",
    "10.0.0.0/0",
    "0.0.0.0/33",
    "2001:db8::/32",
    "::1",
    "*.example.org",
    "host?",
    "@netgroup",
    "127.0.0.1/255.0.0.0",
    "(rw)",
    "(ro,sync)",
    "(rw",
    ")",
    "(",
    ",",
    "rw",
    "ro",
    "async",
    "insecure",
    "crossmnt",
    "all_squash",
    "no_root_squash",
    "anonuid=",
    "anonuid=-2",
    "anongid=65534",
    "fsid=",
    "fsid=0",
    "fsid=7",
    "fsid=root",
    "fsid=4294967296",
    "sec=sys",
    "sec=krb5",
    "nohide",
    "fs=hostfs",
    "fs=none",
    "fs=",
    "source=$/b",
    "source=$/file",
    "source=",
    "client=*",
    "client=",
    "client=10.0.0.1",
    "-rw",
    "-rw,sync",
    "-",
    "#",
    "\"",
    "\\",
    "\\\n",
    "\\377",
    "\\012",
    "\n",
    "\n",
    " ",
    " ",
    "\t",
    "=",
    "32bit_ids",
    "subtree_check",
    "\\000",
    "\r",
    "\xff",
    "$/a",
};
#define WORDS (sizeof(words) / sizeof(words[0]))

static void put_word(struct bytes *text, const char *word)
{
    for (; *word != '\0'; word++) {
        if (*word == '$')
            put_raw(text, dir, strlen(dir));
        else
            put_raw(text, word, 1);
    }
}

static void put_long_word(struct random *random, struct bytes *text)
{
    uint32_t len = 1000 + random_below(random, 4000);

    put_word(text, "$/");
    while (len-- > 0)
        put_raw(text, &"a/"[random_below(random, 2)], 1);
}

/* Ends with a NUL that counts not; `separators`: what is put between words, mostly. */
static void make_text(struct random *random, struct bytes *text, const char *separators)
{
    text->len = 0;
    if (!random_one_in(random, 4))
        put_word(text, "$/a");
    for (uint32_t n = random_below(random, 14); n > 0; n--) {
        if (!random_one_in(random, 3))
            put_raw(text, separators + random_below(random, (uint32_t)strlen(separators)), 1);
        put_word(text, words[random_below(random, WORDS)]);
    }
    if (random_one_in(random, 200))
        put_long_word(random, text);
    for (uint32_t n = random_one_in(random, 3) ? random_below(random, 5) : 0;
         n > 0 && text->len > 0; n--) {
        uint32_t at = random_below(random, (uint32_t)text->len);
        if (random_one_in(random, 4))
            text->len = at;
        else
            text->data[at] = (uint8_t)random_u32(random);
    }
    put_raw(text, "", 1);
    text->len--;
}

/* What was taken must be good for something; what was not, explained. */
static void check_draft(struct draft *draft, int err, const struct bytes *text)
{
    const char *wrong = NULL;
    struct stat st;

    if (err == 0)
        err = draft_settle(draft);
    if (err != 0 && (err < 0 || draft->message[0] == '\0'))
        wrong = "refused without a message";
    for (size_t i = 0; err == 0 && i < draft->count; i++) {
        const struct export *export = &draft->entries[i].export;
        const bool is_host = strcmp(export->type, EXPORT_TYPE_HOST) == 0;

        if (is_host && (stat(export->source, &st) != 0 || !S_ISDIR(st.st_mode)))
            wrong = "the source is not a directory";
        if (export->path[0] != '/' || strlen(export->path) > EXPORT_PATH_MAX)
            wrong = "the path can't be named by a client";
        if (export->nclients == 0)
            wrong = "there is nobody to serve";
        for (size_t k = 0; k < i; k++)
            if (draft->entries[k].export.id == export->id)
                wrong = "two exports have the same id";
    }
    if (wrong != NULL)
        fail_msg("%s; the message is '%s', the text:\n%s", wrong, draft->message, text->data);
}

TEST(no_exports_file_does_harm_and_one_that_is_taken_names_directories)
{
    struct bytes text = {0};
    char message[512], file[40];
    uint64_t taken = 0;
    struct fuzz fuzz;

    make_dir();
    /* In memory: a file system may sync one that is replaced thousands of times. */
    const int fd = memfd_create("exports", MFD_CLOEXEC);
    assert_true(fd >= 0);
    snprintf(file, sizeof(file), "/proc/self/fd/%d", fd);
    for (fuzz_begin(&fuzz, 20260106); fuzz_goes_on(&fuzz);) {
        struct draft draft;

        make_text(&fuzz.random, &text, " \n\t,");
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(pwrite(fd, text.data, text.len, 0), text.len);
        message[0] = '\0';
        draft_init(&draft, message, sizeof(message));
        int err = parse_file(&draft, file);
        check_draft(&draft, err, &text);
        taken += err == 0 && draft.count > 0;
        draft_finish(&draft);
    }
    close(fd);
    bytes_free(&text);
    test_note("%llu taken", (unsigned long long)taken);
    assert_true(taken > fuzz.rounds / 200);
}

TEST(no_export_of_the_command_line_does_harm_and_one_that_is_taken_names_directories)
{
    struct bytes text = {0};
    char message[512];
    uint64_t taken = 0;
    struct fuzz fuzz;

    make_dir();
    for (fuzz_begin(&fuzz, 20260107); fuzz_goes_on(&fuzz);) {
        struct draft draft;

        make_text(&fuzz.random, &text, ",,,=");
        char *copy = strdup((const char *)text.data); /* ends where it ends */
        assert_non_null(copy);
        message[0] = '\0';
        draft_init(&draft, message, sizeof(message));
        int err =
            random_one_in(&fuzz.random, 4) ? parse_dir(&draft, copy) : parse_spec(&draft, copy);
        check_draft(&draft, err, &text);
        taken += err == 0 && draft.count > 0;
        draft_finish(&draft);
        free(copy);
    }
    bytes_free(&text);
    test_note("%llu taken", (unsigned long long)taken);
    assert_true(taken > fuzz.rounds / 200);
}
