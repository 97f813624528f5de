/* What the judge of net.c and reference.c saw, built with -DLOWTIDE_CHECKED: elements are numbered
   through all storages, from 1. */
#ifndef NET_CHECK_H
#define NET_CHECK_H

#ifdef __cplusplus
extern "C" {
#endif

struct net_check {
    unsigned long long reads;
    unsigned long faults;
    int task, row;
    long byte;
    unsigned long wanted, found;
};
extern struct net_check net_check;

#ifdef __cplusplus
}
#endif
#endif
