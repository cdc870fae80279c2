#!/bin/sh
# Answers every request of `/`; the sample of `towpath init`.
greeting='ahoy'

echo 'Content-Type: text/plain'
echo
echo "$greeting"
