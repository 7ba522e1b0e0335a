/*
 * handle.c - file handles: sealed for clients, opened for the gate.
 *
 *     0        version (1)
 *     1        flags: 0; 1 where a hash stands for the id (handle_short.c)
 *     2        length N of the node's id, or of the hash
 *     3        0
 *     4..7     export id, big-endian
 *     8..8+N   the node's id, as the file system gave it, or the hash
 *     ..       zeros to a multiple of 4: U-Boot sends handles back without their padding
 *     ..+8     SipHash-2-4 of all bytes before it
 *
 * mountd/ and nfsd/ call this. The key is set once, before requests run (handle_key.c).
 */
#include "access/handle.h"
#include "access/handle_key.h"
#include "access/handle_short.h"
#include "base/log.h"
#include <errno.h>
#include <loopnfs/errors.h>
#include <sodium.h>
#include <string.h>

#define HANDLE_VERSION 1
#define HANDLE_HASHED  1  /* the flag */
#define HANDLE_FHSIZE  32 /* bytes that U-Boot keeps of a directory's handle and sends back */
#define HANDLE_HEAD    8
#define HANDLE_MAC     crypto_shorthash_BYTES

/* The bytes before the MAC. */
#define HANDLE_BODY(id_len) (HANDLE_HEAD + ((size_t)(id_len) + 3) / 4 * 4)

_Static_assert(HANDLE_BODY(VNODE_ID_MAX) + HANDLE_MAC <= HANDLE_MAX, "ids fit into handles");
_Static_assert(HANDLE_HEAD + HANDLE_MAC == 16, "handle_len() knows it");
_Static_assert(HANDLE_MAC == sizeof(uint64_t), "the MAC is one word");
_Static_assert(HANDLE_BODY(HANDLE_SHORT_LEN) + HANDLE_MAC == HANDLE_SHORT_MAX,
               "a hash fits into a short handle");
_Static_assert(HANDLE_KEY_SIZE == crypto_shorthash_KEYBYTES, "the key is SipHash's");

static uint8_t handle_key[HANDLE_KEY_SIZE];

void handle_init_key(const uint8_t key[16])
{
    memcpy(handle_key, key, sizeof(handle_key));
}

int handle_init(const char *state_dir, struct handle_key_why *why)
{
    uint8_t key[HANDLE_KEY_SIZE];
    int err = handle_key_get(state_dir, key, why);

    if (err == 0)
        handle_init_key(key);
    if (err == 0)
        handle_short_init(state_dir);
    sodium_memzero(key, sizeof(key));
    return err;
}

void handle_keep(const char *state_dir)
{
    static bool told;
    struct handle_key_why why = {.text = ""};
    int err = handle_key_keep(state_dir, handle_key, &why);
    bool wrong = err == EEXIST || err == EINVAL;

    if (wrong && !told)
        log_warning("%s: after the next start the handles that clients hold are stale", why.text);
    told = wrong;
}

void handle_seal(uint32_t export_id, const struct vnode *vn, struct handle *out)
{
    handle_seal_id(export_id, vn->id, vn->id_len, out);
}

static void seal(uint32_t export_id, uint8_t flags, const uint8_t *id, uint8_t id_len,
                 struct handle *out)
{
    uint8_t *bytes = out->bytes;
    size_t len = HANDLE_BODY(id_len);

    memset(bytes, 0, len);
    bytes[0] = HANDLE_VERSION;
    bytes[1] = flags;
    bytes[2] = id_len;
    bytes[4] = (uint8_t)(export_id >> 24);
    bytes[5] = (uint8_t)(export_id >> 16);
    bytes[6] = (uint8_t)(export_id >> 8);
    bytes[7] = (uint8_t)export_id;
    memcpy(bytes + HANDLE_HEAD, id, id_len);
    crypto_shorthash(bytes + len, bytes, len, handle_key);
    out->len = handle_len(id_len);
}

void handle_seal_id(uint32_t export_id, const uint8_t *id, uint8_t id_len, struct handle *out)
{
    seal(export_id, 0, id, id_len, out);
}

void handle_seal_short(uint32_t export_id, const struct vnode *vn, struct handle *out)
{
    uint8_t hash[HANDLE_SHORT_LEN];
    struct vnode_id id = {.len = vn->id_len};

    if (handle_len(vn->id_len) <= HANDLE_SHORT_MAX) {
        handle_seal(export_id, vn, out);
        return;
    }
    memcpy(id.bytes, vn->id, vn->id_len);
    handle_short_put(export_id, &id, hash);
    seal(export_id, HANDLE_HASHED, hash, sizeof(hash), out);
}

/*
 * Finds the handle in what U-Boot sends back: 32 bytes. The first 4 may be the handle's length: a
 * handle begins with the byte 1 (its version), a length with the byte 0. The last ones are zeros
 * where the handle is shorter. With the length in front there may be 36 bytes.
 */
static struct view unpadded(struct view handle)
{
    const uint8_t *bytes = handle.data;

    if (handle.len != HANDLE_FHSIZE && handle.len != HANDLE_FHSIZE + 4)
        return handle;
    if (bytes[0] == 0 && bytes[1] == 0 && bytes[2] == 0 && bytes[3] <= handle.len - 4)
        return (struct view){.data = bytes + 4, .len = bytes[3]};
    if (handle.len != HANDLE_FHSIZE)
        return handle;
    size_t len = HANDLE_BODY(bytes[2]) + HANDLE_MAC, end = len;
    while (end < handle.len && bytes[end] == 0)
        end++;
    if (len < handle.len && end == handle.len)
        handle.len = (uint32_t)len;
    return handle;
}

int handle_open(struct view handle, uint32_t *export_id, struct vnode_id *id)
{
    uint64_t mac, given;

    handle = unpadded(handle);
    const uint8_t *bytes = handle.data;
    if (handle.len <= HANDLE_HEAD + HANDLE_MAC || handle.len > HANDLE_MAX)
        return VFS_EBADHANDLE;
    if (bytes[0] != HANDLE_VERSION || bytes[1] > HANDLE_HASHED || bytes[3] ||
        bytes[2] > VNODE_ID_MAX)
        return VFS_EBADHANDLE;

    size_t len = HANDLE_BODY(bytes[2]);
    if (handle.len != len + HANDLE_MAC)
        return VFS_EBADHANDLE;
    crypto_shorthash((uint8_t *)&mac, bytes, len, handle_key);
    /* Compared as one word, so that the time this takes does not tell how much of a guess was
     * right. */
    memcpy(&given, bytes + len, sizeof(given));
    if (mac != given)
        return VFS_EBADHANDLE;

    *export_id =
        (uint32_t)bytes[4] << 24 | (uint32_t)bytes[5] << 16 | (uint32_t)bytes[6] << 8 | bytes[7];
    if (bytes[1] == HANDLE_HASHED)
        return handle_short_get(*export_id, bytes + HANDLE_HEAD, id) ? 0 : ESTALE;
    id->len = bytes[2];
    memcpy(id->bytes, bytes + HANDLE_HEAD, bytes[2]);
    return 0;
}
