/*
 * shape.c - see shape.h.
 */
#include "tests/fuzz/shape.h"
#include "tests/lib/rpcclient.h"

#define NFS(procedure, args, ok, fail)                          \
    {                                                           \
        PROGRAM_NFS, 3, (procedure), (args), true, (ok), (fail) \
    }
#define PLAIN(program, version, procedure, args, ok)               \
    {                                                              \
        (program), (version), (procedure), (args), false, (ok), "" \
    }

const struct shape shapes[] = {
    PLAIN(PROGRAM_NFS, 3, 0, "", ""),
    NFS(1, "h", "F", ""),
    NFS(2, "hsg", "W", "W"),
    NFS(3, "hn", "hPP", "P"),
    NFS(4, "hw", "Pw", "P"),
    NFS(5, "h", "Po", "P"),
    NFS(6, "hoc", "Pwbo", "P"),
    NFS(7, "hod", "Wwwl", "W"),
    NFS(8, "hnk", "HPW", "W"),
    NFS(9, "hns", "HPW", "W"),
    NFS(10, "hnst", "HPW", "W"),
    NFS(11, "hnm", "HPW", "W"),
    NFS(12, "hn", "W", "W"),
    NFS(13, "hn", "W", "W"),
    NFS(14, "hnhn", "WW", "WW"),
    NFS(15, "hhn", "PW", "PW"),
    NFS(16, "hCvc", "Ple", "P"),
    NFS(17, "hCvcc", "PlE", "P"),
    NFS(18, "h", "Pllllllw", "P"),
    NFS(19, "h", "Pwwwwwwwlwww", "P"),
    NFS(20, "h", "Pwwbbbb", "P"),
    NFS(21, "hoc", "Wl", "W"),

    PLAIN(PROGRAM_MOUNT, 1, 0, "", ""),
    {PROGRAM_MOUNT, 1, 1, "p", true, "z", ""},
    PLAIN(PROGRAM_MOUNT, 1, 2, "", "m"),
    PLAIN(PROGRAM_MOUNT, 1, 3, "p", ""),
    PLAIN(PROGRAM_MOUNT, 1, 4, "", ""),
    PLAIN(PROGRAM_MOUNT, 1, 5, "", "x"),
    PLAIN(PROGRAM_MOUNT, 1, 6, "", "x"),
    PLAIN(PROGRAM_MOUNT, 2, 0, "", ""),
    {PROGRAM_MOUNT, 2, 1, "p", true, "z", ""},
    PLAIN(PROGRAM_MOUNT, 2, 2, "", "m"),
    PLAIN(PROGRAM_MOUNT, 2, 3, "p", ""),
    PLAIN(PROGRAM_MOUNT, 2, 4, "", ""),
    PLAIN(PROGRAM_MOUNT, 2, 5, "", "x"),
    PLAIN(PROGRAM_MOUNT, 2, 6, "", "x"),
    PLAIN(PROGRAM_MOUNT, 3, 0, "", ""),
    {PROGRAM_MOUNT, 3, 1, "p", true, "hf", ""},
    PLAIN(PROGRAM_MOUNT, 3, 2, "", "m"),
    PLAIN(PROGRAM_MOUNT, 3, 3, "p", ""),
    PLAIN(PROGRAM_MOUNT, 3, 4, "", ""),
    PLAIN(PROGRAM_MOUNT, 3, 5, "", "x"),

    PLAIN(PROGRAM_PORTMAP, 2, 0, "", ""),
    PLAIN(PROGRAM_PORTMAP, 2, 1, "GVTw", "b"),
    PLAIN(PROGRAM_PORTMAP, 2, 2, "GVTw", "b"),
    PLAIN(PROGRAM_PORTMAP, 2, 3, "GVTw", "w"),
    PLAIN(PROGRAM_PORTMAP, 2, 4, "", "2"),
#define RPCB(version)                                                                             \
    PLAIN(PROGRAM_PORTMAP, version, 0, "", ""), PLAIN(PROGRAM_PORTMAP, version, 1, "GViut", "b"), \
        PLAIN(PROGRAM_PORTMAP, version, 2, "GViut", "b"),                                         \
        PLAIN(PROGRAM_PORTMAP, version, 3, "GViut", "o"),                                         \
        PLAIN(PROGRAM_PORTMAP, version, 4, "", "3"), PLAIN(PROGRAM_PORTMAP, version, 6, "", "w"), \
        PLAIN(PROGRAM_PORTMAP, version, 7, "u", "wo"),                                            \
        PLAIN(PROGRAM_PORTMAP, version, 8, "a", "o")
    RPCB(3),
    RPCB(4),
    PLAIN(PROGRAM_PORTMAP, 4, 9, "GViut", "o"),
    PLAIN(PROGRAM_PORTMAP, 4, 11, "GViut", "4"),
    PLAIN(PROGRAM_PORTMAP, 4, 12, "", "SSS"),
};
const size_t shape_count = sizeof(shapes) / sizeof(shapes[0]);

const struct shape *shape_find(uint32_t program, uint32_t version, uint32_t procedure)
{
    for (size_t i = 0; i < shape_count; i++)
        if (shapes[i].program == program && shapes[i].version == version &&
            shapes[i].procedure == procedure)
            return &shapes[i];
    return NULL;
}
